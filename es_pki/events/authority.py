"""What happens to an authority: a certificate and key that sign others' certificates. Stream `authority-<id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import (
    CRLReason,
    IssuancePolicy,
    KeyType,
    NameConstraints,
    Subject,
)
from es_pki.values.foreign import ForeignSubject, KeyKind


class AuthorityPrepared(Struct, frozen=True, omit_defaults=True):
    """An authority's certificate was decided on, to the byte; its issuer's key has not signed it yet.

    `issuer_id` is None for a root. `serial_number` is hex. `to_be_signed` is the DER TBSCertificate.
    `request_digest` is the SHA-256 of what was asked for: the same request again is recognised by it. `profile` is the
    name of the profile whose terms, in their `profile_version`, it was made under ("" while that was not noted).
    """

    name: str
    subject: Subject
    issuer_id: str | None
    key_type: KeyType
    key_id: str
    public_key: bytes
    serial_number: str
    not_before: datetime
    not_after: datetime
    path_length: int | None
    name_constraints: NameConstraints
    to_be_signed: bytes
    request_digest: bytes
    profile: str = ""
    profile_version: int = 0


class AuthorityCreated(Struct, frozen=True, omit_defaults=True):
    """The prepared certificate was signed: the authority exists. `certificate` is DER."""

    certificate: bytes


class AuthoritySigningFailed(Struct, frozen=True, omit_defaults=True):
    """The prepared certificate could not be signed; the authority never came to be."""

    reason: str


class AuthorityImported(Struct, frozen=True, omit_defaults=True):
    """An authority that was made elsewhere is known here; with `key_id` its private key is here, and it may sign.

    `issuer_id` is the authority's here that signed it, None for a root and for what none here signed. `public_key` is
    the DER SubjectPublicKeyInfo, `certificate` is DER; so are those above it in `chain`, upwards, as far as they came
    with it and no authority here stands above it. `serial_number` is hex.
    """

    name: str
    subject: ForeignSubject
    issuer: ForeignSubject
    issuer_id: str | None
    key: KeyKind
    key_id: str | None
    public_key: bytes
    serial_number: str
    not_before: datetime
    not_after: datetime
    path_length: int | None
    name_constraints: NameConstraints
    certificate: bytes
    request_digest: bytes
    chain: tuple[bytes, ...] = ()


class AuthorityKeyImported(Struct, frozen=True, omit_defaults=True):
    """The private key of an authority that had been imported without it is here from now on, and it may sign.

    `public_key_hash` is the SHA-256 of its SubjectPublicKeyInfo in hex.
    """

    key_id: str
    public_key_hash: str


class IssuancePolicyAdopted(Struct, frozen=True, omit_defaults=True):
    """From now on the authority issues under this policy."""

    policy: IssuancePolicy


class AuthorityRevoked(Struct, frozen=True, omit_defaults=True):
    """The authority's certificate doesn't hold any more, and never will: it issues nothing from now on.

    `name`, `issuer_id`, `serial_number` and `not_after` are the authority's, so that its issuer's CRL is made from such
    events alone. `revoked_at` (whole seconds), `reason` and `invalidity_date` are as in CertificateRevoked.
    """

    name: str
    issuer_id: str
    serial_number: str
    not_after: datetime
    revoked_at: datetime
    reason: CRLReason
    invalidity_date: datetime | None = None


AuthorityEvent = (
    AuthorityPrepared
    | AuthorityCreated
    | AuthoritySigningFailed
    | AuthorityImported
    | AuthorityKeyImported
    | IssuancePolicyAdopted
    | AuthorityRevoked
)
