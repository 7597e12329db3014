"""Puts the issuer's signature under what was prepared, and records it.

The request that prepared a certificate comes here at once; after a crash in between, the reactions do.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, OCSP_RESPONDER
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.x509.assemble import assemble
from es_pki.commands import authority, certificate, lineage, ocsp_responder
from es_pki.commands.refusals import NotFound, SigningGivenUp
from es_pki.decider import Decider
from es_pki.events import codec
from es_pki.events.authority import AuthorityEvent, AuthorityImported
from es_pki.events.certificate import CertificateEvent, CertificateImported
from es_pki.events.ocsp_responder import OCSPResponderEvent

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
    """What is prepared, then signed or given up: an authority, or a version of a certificate."""

    @property
    def prepared(self) -> Prepared | AuthorityImported | CertificateImported | None: ...
    @property
    def certificate(self) -> bytes | None: ...
    @property
    def failure(self) -> str | None: ...


C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)


class Signer:
    """Signs what was prepared, once: whoever comes second finds it done."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._now = now

    async def sign_authority(
        self, authority_id: str, *, actor: str = ACTOR
    ) -> Handled[authority.State, AuthorityEvent]:
        """Sign a prepared authority and record it. Raises as `_sign` does."""
        return await self._sign(
            AUTHORITY,
            authority_id,
            of=lambda state: state,
            signed=authority.RecordAuthoritySignature,
            failed=authority.RecordAuthoritySignatureFailure,
            actor=actor,
        )

    async def sign_certificate(
        self, certificate_id: str, version: int, *, actor: str = ACTOR
    ) -> Handled[lineage.State, CertificateEvent]:
        """Sign a prepared version of a certificate and record it. Raises as `_sign` does."""
        return await self._sign(
            CERTIFICATE,
            certificate_id,
            of=lambda state: state.versions.get(version),
            signed=partial(certificate.RecordSignature, version),
            failed=partial(certificate.RecordSignatureFailure, version),
            actor=actor,
        )

    async def sign_ocsp_responder(
        self, authority_id: str, version: int, *, actor: str = ACTOR
    ) -> Handled[ocsp_responder.State, OCSPResponderEvent]:
        """Sign the prepared certificate of an authority's OCSP responder and record it. Raises as `_sign` does."""
        return await self._sign(
            OCSP_RESPONDER,
            authority_id,
            of=lambda state: state.version(version),
            signed=partial(ocsp_responder.RecordOCSPResponderSignature, version),
            failed=partial(ocsp_responder.RecordOCSPResponderSignatureFailure, version),
            actor=actor,
        )

    async def _sign(
        self,
        decider: Decider[C, S, E],
        aggregate_id: str,
        *,
        of: Callable[[S], Signable | None],
        signed: Callable[[bytes], C],
        failed: Callable[[str], C],
        actor: str,
    ) -> Handled[S, E]:
        """Sign and record. Raises `SigningGivenUp` for good; what the key store raises may pass."""
        state, _, position = await self._aggregates.load(decider, aggregate_id)
        if of(state) is None:
            state, _, position = await self._aggregates.load(decider, aggregate_id, afresh=True)
        signable = of(state)
        prepared = signable.prepared if signable else None
        if signable is None or prepared is None:
            raise NotFound(f"there is no {decider.category} {aggregate_id}")
        if signable.failure is not None:
            raise SigningGivenUp(signable.failure)
        if signable.certificate is not None:
            return Handled(state, position, ())
        if isinstance(prepared, AuthorityImported | CertificateImported):
            raise NotFound(f"{decider.category} {aggregate_id} was signed elsewhere")
        if prepared.not_after <= self._now():
            outcome = failed("it would have expired before it was signed")
        else:
            outcome = signed(await self._signed(decider.category, aggregate_id, prepared))

        async def record() -> C:
            return outcome

        handled = await self._aggregates.handle(decider, aggregate_id, record, actor=actor)
        recorded = of(handled.state)
        if recorded is not None and recorded.failure is not None:
            raise SigningGivenUp(recorded.failure)
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
