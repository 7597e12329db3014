"""Whether what the events say holds together: `es-pki log verify --deep`, and the tests after every fault.

The log's own evidence says that nothing was changed. This says that what was recorded is a PKI: every signature was
intended before it was made, is over exactly the intended bytes and by the issuer's key, every name and serial number
was reserved in the same append, no lineage says what can't be (`lineages.py`), every CSR was answered once at most
(`csr_answers.py`), what was revoked stayed revoked (`revoked.py`), the CRLs say so (`crls/examined.py`), services and
certificates agree on who uses what (`service_uses.py`), and what was made under a profile names its terms of that time
(`profile_versions.py`).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from es_pki.adapters.acme_origins import ACMEOrigins
from es_pki.adapters.crls.examined import CRLs
from es_pki.adapters.csr_answers import CSRAnswers
from es_pki.adapters.imports import problems_of_authority, problems_of_import
from es_pki.adapters.lineages import Lineages
from es_pki.adapters.profile_versions import ProfileVersions
from es_pki.adapters.recorded import happened
from es_pki.adapters.revoked import Revocations
from es_pki.adapters.service_uses import ServiceUses
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands import acme_account, acme_order, notice_channel
from es_pki.commands.authority import subject_digest
from es_pki.commands.signing_request import csr_digest
from es_pki.decider import Claim, Reservation
from es_pki.events.acme_account import ACMEAccountEvent
from es_pki.events.acme_order import ACMEOrderEvent
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityImported,
    AuthorityKeyImported,
    AuthorityPrepared,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificatePrepared,
    CertificateRenamed,
    SigningFailed,
)
from es_pki.events.codec import UndecodableEvent, UnknownEvent
from es_pki.events.dns_provider import DNSProviderAdded, DNSProviderRemoved
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.notice_channel import NoticeChannelEvent
from es_pki.events.ocsp_responder import OCSPResponderCertified, OCSPResponderPrepared, OCSPResponderSigningFailed
from es_pki.events.principal import ClientAdmitted, TokenCreated, TokenRevoked
from es_pki.events.profile import ProfileDefined
from es_pki.events.reservation import NameReleased, NameReserved, ReservationEvent, SerialNumberReserved
from es_pki.events.service import ServiceRegistered
from es_pki.events.signing_request import SigningRequestCreated, SigningRequestImported
from es_pki.events.trust_store import CertificateTrusted, TrustStoreCreated
from es_pki.values import public_key_hash
from eventlog import Finding, Log

Heard = Callable[[int, int], None]
"""Hears how far a long work has come: positions done, and in all."""

Prepared = AuthorityPrepared | CertificatePrepared | OCSPResponderPrepared
Imported = AuthorityImported | AuthorityKeyImported | CertificateImported | CertificateKeyImported
Named = (
    TokenCreated
    | ClientAdmitted
    | TokenRevoked
    | ServiceRegistered
    | TrustStoreCreated
    | ProfileDefined
    | CertificateRenamed
    | CertificateDeleted
    | DNSProviderAdded
    | DNSProviderRemoved
)

RELEASABLE = frozenset(
    {
        "acme_account_name",
        "acme_order_for",
        "acme_tls_alpn",
        "acme_token",
        "certificate_name",
        "certificate_fingerprint",
        "client_certificate",
        "dns_provider_name",
        "dns_zone",
        "notice_channel_name",
    }
)
"""What may belong to others once its owner has given it up."""


async def examine(log: Log, heard: Heard = lambda _done, _total: None) -> "Examination":
    """Read the whole log and return what was found. Raises `LogError`."""
    examination, size = Examination(), (await log.head()).size
    async for page in log.read_all():
        for record in page.records:
            try:
                examination.look_at(happened(record))
            except (UnknownEvent, UndecodableEvent) as error:
                examination.find(record.position, f"the event can't be read: {error}")
        heard(page.position, size)
    examination.end()
    return examination


class Examination:
    """The state of one reading. `outstanding`: the streams whose prepared certificate still waits for its signature."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.outstanding: dict[str, Prepared] = {}
        self._due: dict[str, tuple[int, str | None]] = {}
        self._owners: dict[str, str] = {}
        self._authorities: dict[str, x509.Certificate] = {}
        self._service_uses = ServiceUses()
        others = Lineages(), CSRAnswers(), ProfileVersions(), Revocations(), ACMEOrigins()
        self._parts = (*others, CRLs(self._authorities), self._service_uses)
        self._authority_keys: dict[str, str] = {}
        self._compromised: set[str] = set()
        self._origin: str | None = None

    def find(self, position: int, problem: str) -> None:
        """Note a contradiction."""
        self.findings.append(Finding(position, problem))

    def end(self) -> None:
        """Check what only the end of the log can tell."""
        self._check_reservations_are_there()
        for problem in self._service_uses.problems_at_the_end():
            self.find(0, problem)

    def look_at(self, happened: Happened) -> None:
        """Check one event against those before it."""
        if isinstance(happened.event, NameReserved | NameReleased | SerialNumberReserved):
            self._check_reservation(happened, happened.event)
            return
        if isinstance(happened.event, CertificateTrusted | IssuancePolicyAdopted):
            return  # it may stand between the event that makes a trust store or an authority and its reservations
        self._check_reservations_are_there()
        for part in self._parts:
            for problem in part.problems_of(happened):
                self.find(happened.position, problem)
        self._due |= {
            claim.stream: (happened.position, happened.id if isinstance(claim, Reservation) else None)
            for claim in _claims_of(happened)
        }
        match happened.event:
            case AuthorityPrepared() | CertificatePrepared() | OCSPResponderPrepared() as prepared:
                self._note_intent(happened, prepared)
            case (
                AuthorityCreated(certificate=der)
                | CertificateIssued(certificate=der)
                | OCSPResponderCertified(certificate=der)
            ):
                for problem in self._problems_of(happened, der):
                    self.find(happened.position, problem)
            case AuthorityImported() | AuthorityKeyImported() | CertificateImported() | CertificateKeyImported() as one:
                self._note_import(happened, one)
            case AuthoritySigningFailed() | SigningFailed() | OCSPResponderSigningFailed():
                if self.outstanding.pop(happened.stream, None) is None:
                    self.find(happened.position, "a signature failed that nobody intended")
            case LogKeyAdopted() | LogRestored() as changed:
                self._check_origin(happened, changed)
            case TokenCreated() | ClientAdmitted() | TokenRevoked() | ServiceRegistered() as holder:
                self._note_names(happened, holder)
            case (
                TrustStoreCreated()
                | ProfileDefined()
                | CertificateRenamed()
                | CertificateDeleted()
                | DNSProviderAdded()
                | DNSProviderRemoved()
            ) as named:
                self._note_names(happened, named)
            case SigningRequestCreated() | SigningRequestImported() as kept:
                self._note_csr(happened, kept)
            case KeyCompromiseReported():
                self._compromised.add(happened.id)
            case _:
                pass

    def _note_intent(self, happened: Happened, prepared: Prepared) -> None:
        category, issuer_id = happened.category, prepared.issuer_id
        if happened.stream in self.outstanding:
            self.find(happened.position, "prepared anew before the version before was signed or given up")
        self.outstanding[happened.stream] = prepared
        if isinstance(prepared, AuthorityPrepared) or (
            isinstance(prepared, CertificatePrepared) and prepared.version == 1
        ):
            self._due[f"{category}_name-{prepared.name}"] = (happened.position, happened.id)
        if isinstance(prepared, AuthorityPrepared):
            self._due[f"authority_subject-{subject_digest(prepared.subject)}"] = (happened.position, happened.id)
            issuer_id = issuer_id or happened.id
            own_key = self._authority_keys[happened.id] = public_key_hash(prepared.public_key)
        else:
            own_key = prepared.public_key_hash
        if not self._compromised.isdisjoint({own_key, self._authority_keys.get(issuer_id or "")}):
            self.find(happened.position, "it was prepared for, or under, a key that had been reported as compromised")
        if issuer_id is not None:
            self._due[f"serial_number-{issuer_id}-{prepared.serial_number}"] = (happened.position, happened.id)

    def _note_authority(self, happened: Happened, imported: AuthorityImported) -> None:
        """Take an authority from elsewhere as one that signs, or stands above those that do."""
        self._due[f"authority_name-{imported.name}"] = (happened.position, happened.id)
        self._due[f"authority_subject-{subject_digest(imported.subject)}"] = (happened.position, happened.id)
        stream = f"serial_number-{imported.issuer_id or happened.id}-{imported.serial_number}"
        self._due[stream] = (happened.position, happened.id)
        own_key = self._authority_keys[happened.id] = public_key_hash(imported.public_key)
        if own_key in self._compromised:
            self.find(happened.position, "it was imported with a key that had been reported as compromised")
        for problem in problems_of_authority(imported, self._authorities.get(imported.issuer_id or "")):
            self.find(happened.position, problem)
        with contextlib.suppress(ValueError):  # what is no certificate was found above
            self._authorities[happened.id] = x509.load_der_x509_certificate(imported.certificate)

    def _note_key(self, happened: Happened, imported: AuthorityKeyImported | CertificateKeyImported) -> None:
        of_key = imported.public_key_hash
        if isinstance(imported, AuthorityKeyImported) and of_key != self._authority_keys.get(happened.id):
            self.find(happened.position, "a key was imported that is not the authority's")
        if of_key in self._compromised:
            self.find(happened.position, "a key was imported that had been reported as compromised")

    def _note_import(self, happened: Happened, imported: Imported) -> None:
        match imported:
            case AuthorityImported():
                self._note_authority(happened, imported)
            case CertificateImported():
                self._note_certificate(happened, imported)
            case AuthorityKeyImported() | CertificateKeyImported():
                self._note_key(happened, imported)

    def _note_certificate(self, happened: Happened, imported: CertificateImported) -> None:
        if happened.stream in self.outstanding:
            self.find(happened.position, "imported before the version before was signed or given up")
        if imported.version == 1 and not imported.order_id:
            self._due[f"certificate_name-{imported.name}"] = (happened.position, happened.id)
        self._due[f"certificate_fingerprint-{fingerprint(imported.certificate)}"] = (happened.position, happened.id)
        if imported.issuer_id is not None:
            stream = f"serial_number-{imported.issuer_id}-{imported.serial_number}"
            self._due[stream] = (happened.position, happened.id)
        if imported.public_key_hash in self._compromised:
            self.find(happened.position, "it was imported for a key that had been reported as compromised")
        for problem in problems_of_import(imported, self._authorities.get(imported.issuer_id or "")):
            self.find(happened.position, problem)

    def _check_origin(self, happened: Happened, event: LogKeyAdopted | LogRestored) -> None:
        if self._origin not in {None, event.origin}:
            self.find(happened.position, f"the log changed its origin from {self._origin!r} to {event.origin!r}")
        self._origin = event.origin
        if isinstance(event, LogRestored):
            self._origin = event.next_origin
            if happened.position != event.size + 1:
                self.find(happened.position, f"not the record behind the {event.size} that were restored")

    def _note_names(self, happened: Happened, named: Named) -> None:
        """Note which names are now to be reserved for somebody, and which are to be released (None)."""
        owners: dict[str, str | None] = {}
        match named:
            case TokenCreated(name=name):
                owners[f"principal_name-{name}"] = happened.id
            case ClientAdmitted(name=name, certificate_id=certificate_id, fingerprint=digest):
                owners = dict.fromkeys(
                    (f"principal_name-{name}", f"client_certificate-{certificate_id or digest}"), happened.id
                )
            case TokenRevoked(released=released):
                if released:
                    owners[f"client_certificate-{released}"] = None
            case ProfileDefined(name=name, version=version):
                if version == 1:
                    owners[f"profile_name-{name}"] = happened.id
            case ServiceRegistered(name=name):
                owners[f"service_name-{name}"] = happened.id
            case TrustStoreCreated(name=name):
                owners[f"trust_store_name-{name}"] = happened.id
            case CertificateRenamed(name=name, former_name=former, former_name_released=is_released):
                if self._owners.get(f"certificate_name-{name}") != happened.id:
                    owners[f"certificate_name-{name}"] = happened.id
                if is_released:
                    owners[f"certificate_name-{former}"] = None
            case DNSProviderAdded(name=name, zones=zones) | DNSProviderRemoved(name=name, zones=zones):
                owner = happened.id if isinstance(named, DNSProviderAdded) else None
                owners = dict.fromkeys((f"dns_provider_name-{name}", *(f"dns_zone-{zone}" for zone in zones)), owner)
            case CertificateDeleted(names=names, fingerprints=fingerprints):
                owners = {f"certificate_name-{name}": None for name in names}
                owners |= {f"certificate_fingerprint-{each}": None for each in fingerprints}
        self._due |= {stream: (happened.position, owner) for stream, owner in owners.items()}

    def _note_csr(self, happened: Happened, kept: SigningRequestCreated | SigningRequestImported) -> None:
        self._due[f"signing_request_name-{kept.name}"] = (happened.position, happened.id)
        if isinstance(kept, SigningRequestImported):
            self._due[f"signing_request_csr-{csr_digest(kept.csr)}"] = (happened.position, happened.id)
        if kept.public_key_hash in self._compromised:
            self.find(happened.position, "a CSR was kept for a key that had been reported as compromised")

    def _check_reservation(self, happened: Happened, event: ReservationEvent) -> None:
        stream, is_name = happened.stream, happened.category in RELEASABLE
        _, due_for = self._due.pop(stream, (0, ""))
        match event:
            case NameReleased(owner=owner):
                if due_for is not None or self._owners.pop(stream, "") != owner:
                    self.find(happened.position, f"{stream!r} was released by {owner}, who didn't give it up")
            case NameReserved(owner=owner) | SerialNumberReserved(owner=owner):
                if due_for != owner:
                    self.find(happened.position, f"{stream!r} was reserved for {owner}, who has no use for it")
                if stream in self._owners or (happened.version != 1 and not is_name):
                    self.find(happened.position, f"{stream!r} was reserved twice")
                if is_name:  # only these are ever released: all others need not be remembered
                    self._owners[stream] = owner

    def _check_reservations_are_there(self) -> None:
        """Reservations follow their event at once: what is still due afterwards was left out."""
        for stream, (position, owner) in self._due.items():
            verb = "reserved" if owner else "released"
            self.find(position, f"{stream!r} was not {verb} with it")
        self._due.clear()

    def _problems_of(self, happened: Happened, der: bytes) -> Iterator[str]:
        prepared = self.outstanding.pop(happened.stream, None)
        if prepared is None:
            yield "a certificate that nobody intended"
            return
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            yield "the certificate is no DER certificate"
            return
        if certificate.tbs_certificate_bytes != prepared.to_be_signed:
            yield "the certificate is not over the bytes that were prepared"
        issuer = certificate if prepared.issuer_id is None else self._authorities.get(prepared.issuer_id)
        if issuer is None:
            yield f"its issuer {prepared.issuer_id} is no authority"
        elif not _signed_by(certificate, issuer):
            yield "the signature is not its issuer's"
        if isinstance(happened.event, AuthorityCreated):
            self._authorities[happened.id] = certificate


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _claims_of(happened: Happened) -> Sequence[Claim]:
    """Return what an event of ACME or of a channel claims or gives up: what its aggregate says."""
    event = happened.event
    if isinstance(event, ACMEAccountEvent):
        return acme_account.reservations(event, happened.id)
    if isinstance(event, NoticeChannelEvent):
        return notice_channel.reservations(event, happened.id)
    return acme_order.reservations(event, happened.id) if isinstance(event, ACMEOrderEvent) else ()
