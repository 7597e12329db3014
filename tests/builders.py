"""Commands and facts as tests begin with: valid, and changed with `msgspec.structs.replace`."""

from datetime import UTC, datetime, timedelta

from es_pki.commands.authority_creation import CreateAuthority
from es_pki.commands.built_in import AUTHORITY, SERVER
from es_pki.commands.certificate import IssueCertificate, SelfSignCertificate, SignCSR
from es_pki.commands.preparation import Wanted
from es_pki.commands.renewal import Further, Names, ReissueCertificate, RenewCertificate
from es_pki.values import (
    Attribute,
    AttributeType,
    IssuancePolicy,
    Issuer,
    KeyType,
    Locations,
    NameConstraints,
    PublicKey,
    SubjectAltNames,
)

NOW = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=60)
ROOT_ID = "018f0000-0000-7000-8000-000000000001"
CERTIFICATE_ID = "018f0000-0000-7000-8000-000000000002"
KEY = PublicKey(KeyType.EC_P256, b"spki")
ISSUER_KEY = PublicKey(KeyType.EC_P256, b"spki of the issuer")


def issuer(**changes: object) -> Issuer:
    """Return an authority that may issue anything for ten years."""
    facts: dict[str, object] = {
        "authority_id": ROOT_ID,
        "version": 3,
        "name": "intermediate",
        "subject": (Attribute(AttributeType.COMMON_NAME, "Example Intermediate CA"),),
        "certificate": b"der",
        "key_id": "key",
        "key_type": KeyType.EC_P256,
        "public_key_hash": ISSUER_KEY.hash,
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=3650),
        "path_length": None,
        "name_constraints": (),
        "policy": IssuancePolicy(),
        "locations": Locations("http://pki.example.test/ca.crt", "http://pki.example.test/crl"),
        **changes,
    }
    return Issuer(**facts)  # type: ignore[arg-type] # tests change what they like


def wanted(**changes: object) -> Wanted:
    """Return a wish for a server certificate."""
    facts: dict[str, object] = {
        "certificate_id": CERTIFICATE_ID,
        "name": "www",
        "profile": SERVER,
        "subject": (Attribute(AttributeType.COMMON_NAME, "www.example.test"),),
        "subject_alt_names": SubjectAltNames(dns_names=("www.example.test",)),
        "public_key": KEY,
        "validity_days": None,
        "serial_number": 0x1234,
        "now": NOW,
        "request_digest": b"digest",
        **changes,
    }
    return Wanted(**facts)  # type: ignore[arg-type] # tests change what they like


def issue(by: Issuer | None = None, **changes: object) -> IssueCertificate:
    """Return a command to issue."""
    return IssueCertificate(wanted(**changes), by or issuer(), "key-of-www")


def sign_csr(by: Issuer | None = None, **changes: object) -> SignCSR:
    """Return a command to sign a CSR."""
    return SignCSR(wanted(**changes), by or issuer())


def self_sign(**changes: object) -> SelfSignCertificate:
    """Return a command to make a self-signed certificate."""
    return SelfSignCertificate(wanted(**changes), "key-of-www")


def further(by: Issuer | None, **changes: object) -> Further:
    """Return what a lineage's next version is made from, with a new key that lies here."""
    facts: dict[str, object] = {
        "certificate_id": CERTIFICATE_ID,
        "issuer": by,
        "profile": SERVER,
        "public_key": PublicKey(KeyType.EC_P256, b"another spki"),
        "key_id": "another key",
        "validity_days": None,
        "serial_number": 0x5678,
        "now": LATER,
        "request_id": "second",
        "request_digest": b"another digest",
        **changes,
    }
    return Further(**facts)  # type: ignore[arg-type] # tests change what they like


def renew(by: Issuer | None = None, csr: Names | None = None, **changes: object) -> RenewCertificate:
    """Return a command to renew what an authority issued."""
    return RenewCertificate(further(by or issuer(), **changes), csr)


def renew_self_signed(**changes: object) -> RenewCertificate:
    """Return a command to renew what signed for itself."""
    return RenewCertificate(further(None, **changes))


def reissue(*dns_names: str, by: Issuer | None = None, **changes: object) -> ReissueCertificate:
    """Return a command to go on with these names."""
    return ReissueCertificate(further(by or issuer(), **changes), Names((), SubjectAltNames(dns_names=dns_names)))


def create_authority(**changes: object) -> CreateAuthority:
    """Return a command to create a root."""
    facts: dict[str, object] = {
        "authority_id": ROOT_ID,
        "name": "root",
        "profile": AUTHORITY,
        "subject": (Attribute(AttributeType.COMMON_NAME, "Example Root CA"),),
        "issuer": None,
        "public_key": KEY,
        "key_id": "key-of-root",
        "path_length": 1,
        "name_constraints": NameConstraints(),
        "validity_days": None,
        "serial_number": 0x99,
        "now": NOW,
        "request_digest": b"digest",
        **changes,
    }
    return CreateAuthority(**facts)  # type: ignore[arg-type] # tests change what they like
