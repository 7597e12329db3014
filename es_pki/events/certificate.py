"""What happens to a certificate: a named lineage whose versions replace each other. Stream `certificate-<id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import KeyType, Profile, Subject, SubjectAltNames


class CertificatePrepared(Struct, frozen=True, omit_defaults=True):
    """A certificate was decided on, to the byte; it has not been signed yet.

    `version` counts the lineage's certificates from 1. `issuer_id` is None when it signs for itself. `key_id` is
    None when the private key is not kept here (a CSR was signed). `serial_number` is hex. `to_be_signed` is the DER
    TBSCertificate. `request_digest` is the SHA-256 of what was asked for: the same request again is recognised by it.
    `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex ("" while that was not noted).
    """

    version: int
    name: str
    issuer_id: str | None
    profile: Profile
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


class CertificateIssued(Struct, frozen=True, omit_defaults=True):
    """The prepared version was signed. `certificate` is DER."""

    version: int
    certificate: bytes


class SigningFailed(Struct, frozen=True, omit_defaults=True):
    """The prepared version could not be signed and never will be."""

    version: int
    reason: str


CertificateEvent = CertificatePrepared | CertificateIssued | SigningFailed
