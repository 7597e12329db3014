"""Requests to keep what was made elsewhere: read by a worker, then judged by who issued it and what is here."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from es_pki.adapters.intake.aggregates import Handled
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import ImportAuthority, ImportCertificate
from es_pki.adapters.x509.formats import pem_chain
from es_pki.adapters.x509.reading.facts import Facts, foreign_of, is_der_issued_by
from es_pki.adapters.x509.reading.opening import OPEN_ONE, Opened, Sent
from es_pki.commands import foreign_authority, importing
from es_pki.commands.authority import AuthorityCommand, subject_digest
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.importing import known_version
from es_pki.commands.lineage import State
from es_pki.commands.revocation_list import list_id
from es_pki.decider import Decider, Refused, Reservation
from es_pki.events import codec
from es_pki.events.authority import AuthorityImported
from es_pki.events.certificate import CertificateEvent, CertificateImported, CertificatePrepared
from es_pki.values.foreign import ForeignSubject
from eventlog import Conflict

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)

PREVIEWED = "0" * 8
"""Stands for the id of a key that is not kept, since nothing is."""


async def bring_in(office: Office, request: ImportCertificate, asked: Asked) -> Answer:
    """Keep a certificate from elsewhere, and its private key if it came with it."""
    opened = await _opened(office, request)
    return await Importing(office, request, asked, opened).done()


async def bring_authority_in(office: Office, request: ImportAuthority, asked: Asked) -> Answer:
    """Make an authority from elsewhere known, and keep its private key if it came with it."""
    opened = await _opened(office, request)
    owner = await office.aggregates.owner(f"authority_name-{request.name}")
    authority_id, facts = owner or asked.new_id(), opened.facts
    issuer_id = None if facts.is_self_signed else await issuer_here(office, facts)

    async def command(key_id: str | None) -> AuthorityCommand:
        return _authority_command(request, opened, issuer_id, key_id)

    handled = await with_kept_key(
        office, AUTHORITY, authority_id, command, private_key=opened.private_key, actor=asked.caller.name
    )
    prepared = handled.state.prepared
    if handled.events and prepared is not None and prepared.key_id is not None:
        await office.crls.first(authority_id, list_id(authority_id, 0), asked.now, actor=asked.caller.name)
    return Answer(
        position=handled.position,
        stream=AUTHORITY.stream(authority_id),
        events=answered(handled.events),
        result={
            "authority_id": authority_id,
            "name": request.name,
            "serial_number": facts.serial_number,
            "not_after": facts.not_after,
            "is_new": any(isinstance(event, AuthorityImported) for event in handled.events),
            "key_is_new": any(getattr(event, "key_id", None) is not None for event in handled.events),
            "key_is_here": prepared is not None and prepared.key_id is not None,
            "certificate_pem": pem_chain([facts.certificate]),
        },
    )


def _authority_command(
    request: ImportAuthority, opened: Opened, issuer_id: str | None, key_id: str | None
) -> AuthorityCommand:
    facts = opened.facts
    return foreign_authority.ImportAuthority(
        name=request.name,
        certificate=facts.certificate,
        chain=() if issuer_id else opened.chain,
        issuer_id=issuer_id,
        subject=facts.subject,
        issuer=facts.issuer,
        key=facts.key,
        key_id=key_id,
        public_key=facts.public_key,
        public_key_hash=facts.public_key_hash,
        serial_number=facts.serial_number,
        not_before=facts.not_before,
        not_after=facts.not_after,
        is_authority=facts.is_authority,
        path_length=facts.path_length,
        name_constraints=facts.name_constraints,
        request_digest=hashlib.sha256(facts.certificate).digest(),
    )


async def _opened(office: Office, request: ImportCertificate | ImportAuthority) -> Opened:
    key = None if request.private_key is None else request.private_key.encode()
    return await office.workers.do(OPEN_ONE, Sent(request.certificate.encode(), key, request.passphrase))


async def with_kept_key(
    office: Office,
    decider: Decider[C, S, E],
    aggregate_id: str,
    ask: Callable[[str | None], Awaitable[C]],
    *,
    private_key: bytes | None,
    actor: str,
    is_new: bool = False,
) -> Handled[S, E]:
    """Handle a command with which a private key comes (DER PKCS#8; None: without one); `ask` is told the key's id.

    The key is durable before anything says that it is here, and discarded when nothing does.
    """
    aggregates = office.aggregates
    if private_key is None:
        return await aggregates.handle(decider, aggregate_id, lambda: ask(None), actor=actor, is_new=is_new)
    if not await aggregates.preview(decider, aggregate_id, lambda: ask(PREVIEWED)):
        return await aggregates.handle(decider, aggregate_id, lambda: ask(PREVIEWED), actor=actor)
    key_id = await office.keys.keep(private_key, purpose=decider.category, owner=aggregate_id)
    try:
        handled = await aggregates.handle(decider, aggregate_id, lambda: ask(key_id), actor=actor, is_new=is_new)
    except (Refused, Conflict):
        await office.keys.discard(key_id)
        raise
    if not any(getattr(event, "key_id", None) == key_id for event in handled.events):
        await office.keys.discard(key_id)
    return handled


async def issuer_here(office: Office, facts: Facts) -> str | None:
    """Return the id of the authority here that issued a certificate, by its name and its signature, else None."""
    return await IssuersHere(office).of(facts)


class IssuersHere:
    """The authorities here as those of one request's certificates; it asks for each name once."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._found: dict[ForeignSubject, str | None] = {}

    async def of(self, facts: Facts) -> str | None:
        """Return the id of the authority that issued a certificate, by its name and its signature, else None."""
        aggregates, issuer = self._office.aggregates, facts.issuer
        if issuer not in self._found:
            stream = f"authority_subject-{subject_digest(issuer)}"
            self._found[issuer] = await aggregates.owner(stream, for_ever=True)
        authority_id = self._found[issuer]
        if authority_id is None:
            return None
        certificate = (await aggregates.load(AUTHORITY, authority_id)).state.certificate
        if certificate is None or not is_der_issued_by(facts.certificate, certificate):
            return None
        return authority_id


class Kept(NamedTuple):
    """A certificate that is here now, or would be: the lineage's id, state and log position, and the new events."""

    certificate_id: str
    state: State
    position: int
    events: tuple[CertificateEvent, ...]


def version_of(state: State, certificate: bytes) -> CertificatePrepared | CertificateImported:
    """Return how the version that is this very certificate began."""
    version = known_version(state, certificate)
    if version is None:
        raise LookupError("what was imported is one of the versions")
    return version.prepared


class Importing:
    """A certificate that was read, on its way in."""

    def __init__(
        self,
        office: Office,
        request: ImportCertificate,
        asked: Asked,
        opened: Opened,
        issuers: IssuersHere | None = None,
    ) -> None:
        self._office = office
        self._issuers = issuers or IssuersHere(office)
        self._request = request
        self._asked = asked
        self._opened = opened
        self._request_id = asked.new_id()

    async def done(self) -> Answer:
        """Keep it and answer. Raises `Refused` and `Conflict`."""
        return await self._answer(*await self.kept())

    async def kept(self) -> Kept:
        """Keep it, or say what would be kept. Raises `Refused` and `Conflict`."""
        owner = await self._office.aggregates.owner(f"certificate_name-{self._request.name}")
        certificate_id = owner or self._request_id
        issuer_id = await self._issuers.of(self._opened.facts)
        if self._request.preview:
            return await self._previewed(certificate_id, issuer_id)
        handled = await with_kept_key(
            self._office,
            CERTIFICATE,
            certificate_id,
            lambda key_id: self._command(issuer_id, key_id),
            private_key=self._opened.private_key,
            actor=self._asked.caller.name,
            is_new=owner is None and not self._asked.idempotency_key,
        )
        return Kept(certificate_id, handled.state, handled.position, handled.events)

    async def _previewed(self, certificate_id: str, issuer_id: str | None) -> Kept:
        """Say what would be kept, and keep nothing."""
        key_id = None if self._opened.private_key is None else PREVIEWED
        events = await self._office.aggregates.preview(
            CERTIFICATE, certificate_id, lambda: self._command(issuer_id, key_id)
        )
        loaded = await self._office.aggregates.load(CERTIFICATE, certificate_id)
        state = loaded.state
        for event in events:
            await self._check_claims(event, certificate_id)
            state = CERTIFICATE.evolve(state, event)
        return Kept(certificate_id, state, loaded.position, tuple(events))

    async def _check_claims(self, event: CertificateEvent, certificate_id: str) -> None:
        """Refuse what would be refused when it is recorded: the certificate is here under another name."""
        for claim in CERTIFICATE.reservations(event, certificate_id):
            owner = await self._office.aggregates.owner(claim.stream)
            if isinstance(claim, Reservation) and owner not in {None, certificate_id}:
                raise claim.taken

    async def _command(self, issuer_id: str | None, key_id: str | None) -> CertificateCommand:
        facts = self._opened.facts
        return importing.ImportCertificate(
            name=self._request.name,
            foreign=foreign_of(facts, () if issuer_id else self._opened.chain),
            issuer_id=issuer_id,
            key_id=key_id,
            request_id=self._request_id,
            request_digest=hashlib.sha256(facts.certificate).digest(),
        )

    async def _answer(
        self, certificate_id: str, state: State, position: int, events: tuple[CertificateEvent, ...]
    ) -> Answer:
        certificate = self._opened.facts.certificate
        prepared = version_of(state, certificate)
        issuers = without_root(await issuers_of(self._office.aggregates, prepared))
        return Answer(
            position=position,
            stream=CERTIFICATE.stream(certificate_id),
            events=answered(() if self._request.preview else events),
            result={
                "certificate_id": certificate_id,
                "name": state.name,
                "version": prepared.version,
                "serial_number": prepared.serial_number,
                "not_after": prepared.not_after,
                "is_new": any(isinstance(event, CertificateImported) for event in events),
                "key_is_new": any(getattr(event, "key_id", None) is not None for event in events),
                "key_is_here": prepared.key_id is not None,
                "authority_id": prepared.issuer_id,
                "left_out": self._opened.left_out,
                "certificate_pem": pem_chain([certificate, *issuers]),
            },
        )
