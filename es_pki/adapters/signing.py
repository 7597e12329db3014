"""Puts the issuer's signature under what was prepared, and records it.

The request that prepared a certificate comes here at once; after a crash in between, the reactions do.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.x509.assemble import assemble
from es_pki.commands import authority, certificate
from es_pki.commands.reactions import Effect, SignAuthority, SignCertificate
from es_pki.commands.refusals import NotFound, SigningGivenUp
from es_pki.decider import Decider
from es_pki.events import codec
from es_pki.events.authority import AuthorityEvent
from es_pki.events.certificate import CertificateEvent

ACTOR = "es-pki"


class Prepared(Protocol):
    """What a prepared certificate says of its signature, an authority's or another's."""

    @property
    def issuer_id(self) -> str | None: ...
    @property
    def key_id(self) -> str | None: ...
    @property
    def not_after(self) -> datetime: ...
    @property
    def to_be_signed(self) -> bytes: ...


class Signable(Protocol):
    """The state of an aggregate that is prepared, then signed or given up."""

    @property
    def prepared(self) -> Prepared | None: ...
    @property
    def certificate(self) -> bytes | None: ...
    @property
    def failure(self) -> str | None: ...


C = TypeVar("C")
S = TypeVar("S", bound=Signable)
E = TypeVar("E", bound=codec.Event)


class Signer:
    """Signs what was prepared, once: whoever comes second finds it done."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._now = now

    async def perform(self, effect: Effect) -> None:
        """Do an outstanding effect; done effects are found done."""
        match effect:
            case SignAuthority(authority_id=authority_id):
                await self.sign_authority(authority_id)
            case SignCertificate(certificate_id=certificate_id):
                await self.sign_certificate(certificate_id)

    async def sign_authority(
        self, authority_id: str, *, actor: str = ACTOR
    ) -> Handled[authority.State, AuthorityEvent]:
        """Sign a prepared authority and record it. Raises as `_sign` does."""
        return await self._sign(
            AUTHORITY,
            authority_id,
            signed=authority.RecordAuthoritySignature,
            failed=authority.RecordAuthoritySignatureFailure,
            actor=actor,
        )

    async def sign_certificate(
        self, certificate_id: str, *, actor: str = ACTOR
    ) -> Handled[certificate.State, CertificateEvent]:
        """Sign a prepared certificate and record it. Raises as `_sign` does."""
        return await self._sign(
            CERTIFICATE,
            certificate_id,
            signed=certificate.RecordSignature,
            failed=certificate.RecordSignatureFailure,
            actor=actor,
        )

    async def _sign(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        *,
        signed: Callable[[bytes], C],
        failed: Callable[[str], C],
        actor: str,
    ) -> Handled[S, E]:
        """Sign and record. Raises `SigningGivenUp` for good; what the key store raises may pass."""
        state, _, position = await self._aggregates.load(decider, aggregate_id)
        prepared = state.prepared
        if prepared is None:
            raise NotFound(f"there is no {decider.category} {aggregate_id}")
        if state.failure is not None:
            raise SigningGivenUp(state.failure)
        if state.certificate is not None:
            return Handled(state, position, ())
        if prepared.not_after <= self._now():
            outcome = failed("it would have expired before it was signed")
        else:
            outcome = signed(await self._signed(decider.category, aggregate_id, prepared))

        async def record() -> C:
            return outcome

        handled = await self._aggregates.handle(decider, aggregate_id, record, actor=actor)
        if handled.state.failure is not None:
            raise SigningGivenUp(handled.state.failure)
        return handled

    async def _signed(self, category: str, aggregate_id: str, prepared: Prepared) -> bytes:
        key_id, owner = prepared.key_id, aggregate_id
        if prepared.issuer_id is not None:
            category, owner = AUTHORITY.category, prepared.issuer_id
            issuer = (await self._aggregates.load(AUTHORITY, owner)).state.prepared
            key_id = issuer.key_id if issuer else None
        if key_id is None:
            raise NotFound(f"there is no {category} {owner} with a key here")
        signature = await self._keys.sign(prepared.to_be_signed, key_id, purpose=category, owner=owner)
        return assemble(prepared.to_be_signed, signature)
