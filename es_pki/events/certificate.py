"""What happens to a certificate: a named lineage whose versions replace each other. Stream `certificate-<id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import CRLReason, ExportFormat, KeyType, Subject, SubjectAltNames
from es_pki.values.acme import ACMEProblem
from es_pki.values.foreign import ForeignSubject, KeyKind


class CertificatePrepared(Struct, frozen=True, omit_defaults=True):
    """A certificate was decided on, to the byte; it has not been signed yet.

    `version` counts the lineage's certificates from 1. `issuer_id` is None when it signs for itself. `key_id` is
    None when the private key is not kept here (a CSR was signed). `serial_number` is hex. `to_be_signed` is the DER
    TBSCertificate. `request_digest` is the SHA-256 of what was asked for: the same request again is recognised by it.
    `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex ("" while that was not noted).
    `request_id` tells wishes for further versions of one lineage apart; the first version's is the lineage's own id.
    `profile` is the name of the profile whose terms, in their `profile_version`, it was made under.
    `security_identifier` is that of the Active Directory account it names ("" for none).
    `is_authority`: it may sign certificates itself.
    `crl_shard` is the number of the issuer's CRL that it names as its own; 0 is the one that lists all.
    `supersede_at` is when the version before is to be revoked as superseded, once this one is issued; None: never.
    """

    version: int
    name: str
    issuer_id: str | None
    profile: str
    subject: Subject
    subject_alt_names: SubjectAltNames
    key_type: KeyType
    key_id: str | None
    serial_number: str
    not_before: datetime
    not_after: datetime
    to_be_signed: bytes
    request_digest: bytes
    public_key_hash: str = ""
    request_id: str = ""
    profile_version: int = 1
    security_identifier: str = ""
    is_authority: bool = False
    crl_shard: int = 0
    supersede_at: datetime | None = None


class CertificateIssued(Struct, frozen=True, omit_defaults=True):
    """The prepared version was signed and is the current one from now on. `certificate` is DER."""

    version: int
    certificate: bytes


class SigningFailed(Struct, frozen=True, omit_defaults=True):
    """The prepared version could not be signed and never will be."""

    version: int
    reason: str


class CertificateImported(Struct, frozen=True, omit_defaults=True):
    """A certificate that was made elsewhere is the lineage's `version`, and the current one from now on.

    What it says is told as in CertificatePrepared, but as it stands in it: `subject_alt_names` may not be in their
    canonical forms; `other_names` are those of further forms, `form:value`. `issuer_id` is the authority's here that
    signed it, if one did. `profile` is the one whose purposes it has, "" if no one's are. `certificate` is DER, and
    so are those above it in `chain`, upwards, as far as they came with it and no authority here stands above it.
    `is_self_signed` tells whether it signed for itself; `is_authority`, whether it may sign certificates. `order_id` is
    that of the ACME order by which it came, "" for one that somebody brought.
    """

    version: int
    name: str
    issuer_id: str | None
    profile: str
    subject: ForeignSubject
    issuer: ForeignSubject
    subject_alt_names: SubjectAltNames
    key: KeyKind
    key_id: str | None
    public_key_hash: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    certificate: bytes
    request_digest: bytes
    request_id: str
    chain: tuple[bytes, ...] = ()
    other_names: tuple[str, ...] = ()
    is_self_signed: bool = False
    is_authority: bool = False
    order_id: str = ""


class CertificateKeyImported(Struct, frozen=True, omit_defaults=True):
    """The private key of a `version` that was here without it is here from now on. `key_id` names it in the key store.

    `public_key_hash` is as in CertificatePrepared.
    """

    version: int
    key_id: str
    public_key_hash: str


class CertificateRolledBack(Struct, frozen=True, omit_defaults=True):
    """An earlier `version` is the current one again: whatever points at the lineage gets it."""

    version: int


class CertificateRenamed(Struct, frozen=True, omit_defaults=True):
    """The lineage is called `name`. Its former name still leads to it, unless it was released with this event."""

    name: str
    former_name: str
    former_name_released: bool = False


class CertificateLabelled(Struct, frozen=True, omit_defaults=True):
    """The lineage carries exactly these labels from now on."""

    labels: dict[str, str]


class OwnerAssigned(Struct, frozen=True, omit_defaults=True):
    """Somebody answers for the certificate: a person or team in their own words, "" for nobody."""

    owner: str


class CertificateDeleted(Struct, frozen=True, omit_defaults=True):
    """The lineage is done with. Its names were released with this event, its private keys are to be removed.

    `names` are those that led to it, `key_ids` its keys in the key store. The log keeps its certificates, and their
    serial numbers stay taken. `fingerprints` are those of the imported ones, which may be imported anew.
    """

    names: tuple[str, ...]
    key_ids: tuple[str, ...] = ()
    reason: str = ""
    fingerprints: tuple[str, ...] = ()


class PrivateKeysDiscarded(Struct, frozen=True, omit_defaults=True):
    """The deleted certificate's private keys are in the key store no more."""

    key_ids: tuple[str, ...]


class PrivateKeyExported(Struct, frozen=True, omit_defaults=True):
    """The private key of a `version` left, under a passphrase, in a file of this `format` (`pem`, `pkcs12`).

    It is recorded before the answer that carries the key. `reason` is why, in the words of who asked for it.
    `public_key_hash` is as in CertificatePrepared. `export_id` and `request_digest` recognise the same request again;
    the digest is not over the passphrase.
    """

    version: int
    format: ExportFormat
    reason: str
    public_key_hash: str
    export_id: str
    request_digest: bytes
    legacy: bool = False


class CertificateHeld(Struct, frozen=True, omit_defaults=True):
    """A version doesn't hold at present, since `held_at`: it is revoked, or released and good again.

    `name` is what the lineage was called then. `issuer_id`, `serial_number`, `not_after` and `crl_shard` are those of
    the version, so that a CRL is made from such events alone.
    """

    version: int
    name: str
    issuer_id: str
    serial_number: str
    not_after: datetime
    held_at: datetime
    crl_shard: int = 0


class CertificateReleased(Struct, frozen=True, omit_defaults=True):
    """A version that was held is good again, as if it had never been held. The fields are as in CertificateHeld."""

    version: int
    issuer_id: str
    serial_number: str
    not_after: datetime
    crl_shard: int = 0


class CertificateRevoked(Struct, frozen=True, omit_defaults=True):
    """A version doesn't hold any more, and never will: nothing about that is ever decided again.

    `revoked_at` (whole seconds) is when it stopped holding: of a version that was held, when that began.
    `invalidity_date` is since when its key, or what it says, isn't to be trusted (RFC 5280 section 5.3.2).
    The other fields are as in CertificateHeld; `issuer_id` is "" where an ACME directory revoked what it issued.
    """

    version: int
    name: str
    issuer_id: str
    serial_number: str
    not_after: datetime
    revoked_at: datetime
    reason: CRLReason
    invalidity_date: datetime | None = None
    crl_shard: int = 0


class SupersessionPlanned(Struct, frozen=True, omit_defaults=True):
    """An earlier version is to be revoked as superseded at `due_at`, or as soon after it as no service serves it.

    `name` is what the lineage was called then; `serial_number`, `not_before` and `not_after` are those of the
    version.
    """

    version: int
    name: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    due_at: datetime


class SupersessionHeldUp(Struct, frozen=True, omit_defaults=True):
    """The version is due to be revoked, but these services (their names) still have it: it waits for them.

    It is due again at `due_at`, or as soon as none of them has it any more.
    """

    version: int
    services: tuple[str, ...]
    due_at: datetime


class SupersessionEnded(Struct, frozen=True, omit_defaults=True):
    """Nothing is planned for the version any more: it was revoked, is the current one again, or is to stay."""

    version: int


class RevocationRequested(Struct, frozen=True, omit_defaults=True):
    """The ACME directory that issued a version is to revoke it; here nobody relies on the version any more.

    It came by the order `order_id`. The other fields are as in CertificateRevoked.
    """

    version: int
    order_id: str
    serial_number: str
    revoked_at: datetime
    reason: CRLReason
    invalidity_date: datetime | None = None


class RevocationRefused(Struct, frozen=True, omit_defaults=True):
    """The directory doesn't revoke the version. That may be asked for again."""

    version: int
    problem: ACMEProblem


class UseBegun(Struct, frozen=True, omit_defaults=True):
    """A service is to serve the certificate, or to fall back on it: it is recorded with the service's own event.

    `service` is the service's name.
    """

    service_id: str
    service: str
    as_fallback: bool = False


class UseEnded(Struct, frozen=True, omit_defaults=True):
    """The service has to do with the certificate no more."""

    service_id: str


SupersessionEvent = SupersessionPlanned | SupersessionHeldUp | SupersessionEnded

CertificateEvent = (
    CertificatePrepared
    | CertificateIssued
    | SigningFailed
    | CertificateImported
    | CertificateKeyImported
    | CertificateRolledBack
    | CertificateRenamed
    | CertificateLabelled
    | OwnerAssigned
    | CertificateDeleted
    | PrivateKeysDiscarded
    | PrivateKeyExported
    | CertificateHeld
    | CertificateReleased
    | CertificateRevoked
    | SupersessionEvent
    | RevocationRequested
    | RevocationRefused
    | UseBegun
    | UseEnded
)
