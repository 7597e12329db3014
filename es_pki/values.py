"""The words of a PKI as immutable values, shared by every layer; RFC 5280's terms throughout.

No clock, no randomness, no I/O. Times are timezone-aware UTC datetimes with whole seconds.
"""

import hashlib
from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class KeyAlgorithm(StrEnum):
    """A family of key pairs. ML-DSA (FIPS 204) and ML-KEM (FIPS 203) withstand a quantum computer.

    Keys of the first four are made here; those of the others come with certificates from elsewhere.
    """

    RSA = "rsa"
    EC = "ec"
    ED25519 = "ed25519"
    ML_DSA = "ml-dsa"
    ED448 = "ed448"
    DSA = "dsa"
    X25519 = "x25519"
    X448 = "x448"
    ML_KEM = "ml-kem"


class KeyType(StrEnum):
    """What kind of key pair, by algorithm and size or curve."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    EC_P521 = "ec-p521"
    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"
    ML_DSA_65 = "ml-dsa-65"
    ML_DSA_87 = "ml-dsa-87"

    @property
    def algorithm(self) -> KeyAlgorithm:
        """Return the family: RSA can also encipher keys, EC (the NIST curves) can also agree on keys."""
        return next(algorithm for algorithm in KeyAlgorithm if self.value.startswith(algorithm.value))

    @property
    def is_rsa(self) -> bool:
        """Tell whether the key can also encipher keys."""
        return self.algorithm is KeyAlgorithm.RSA

    @property
    def is_ec(self) -> bool:
        """Tell whether the key is of a NIST curve: it can also agree on keys."""
        return self.algorithm is KeyAlgorithm.EC

    @property
    def is_ml_dsa(self) -> bool:
        """Tell whether the key withstands a quantum computer; it can only sign (RFC 9881)."""
        return self.algorithm is KeyAlgorithm.ML_DSA

    @property
    def security_bits(self) -> int:
        """Return the strength against classical attacks: NIST SP 800-57 part 1 table 2, FIPS 204 table 1."""
        match self:
            case KeyType.RSA_2048:
                return 112
            case KeyType.EC_P384 | KeyType.ML_DSA_65:
                return 192
            case KeyType.EC_P521 | KeyType.ML_DSA_87:
                return 256
            case _:
                return 128

    @property
    def kind(self) -> "KeyKind":
        """Return the same as those see it who know other keys too."""
        return KeyKind(self.value, self.algorithm, self.security_bits)


class KeyKind(Struct, frozen=True):
    """What kind of key pair, wherever it was made: `name` is a `KeyType`'s value, or alike (`ec-secp256k1`).

    `security_bits` is the strength against classical attacks, as in `KeyType.security_bits`.
    """

    name: str
    algorithm: KeyAlgorithm
    security_bits: int

    @property
    def key_type(self) -> KeyType | None:
        """Return the type of a key such as are made here, None for others."""
        return KeyType(self.name) if self.name in frozenset(KeyType) else None


class Profile(StrEnum):
    """What a certificate is for; decides its key usages and CA bits (see `commands/profile.py`)."""

    SERVER = "server"
    CLIENT = "client"
    SERVER_CLIENT = "server-client"
    EMAIL = "email"
    CODE_SIGNING = "code-signing"
    INTERMEDIATE = "intermediate"


class ExportFormat(StrEnum):
    """The form of a file in which a private key leaves: encrypted PKCS#8 with the chain in PEM, or PKCS#12."""

    PEM = "pem"
    PKCS12 = "pkcs12"


class KeyUsage(StrEnum):
    """A bit of the key usage extension (RFC 5280 section 4.2.1.3)."""

    DIGITAL_SIGNATURE = "digital_signature"
    CONTENT_COMMITMENT = "content_commitment"
    KEY_ENCIPHERMENT = "key_encipherment"
    DATA_ENCIPHERMENT = "data_encipherment"
    KEY_AGREEMENT = "key_agreement"
    KEY_CERT_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"


class ExtendedKeyUsage(StrEnum):
    """A purpose of the extended key usage extension (RFC 5280 section 4.2.1.12)."""

    SERVER_AUTH = "server_auth"
    CLIENT_AUTH = "client_auth"
    EMAIL_PROTECTION = "email_protection"
    CODE_SIGNING = "code_signing"


class Role(StrEnum):
    """What a principal may do; a principal may hold several."""

    ADMIN = "admin"
    OPERATOR = "operator"
    REQUESTER = "requester"
    AUDITOR = "auditor"
    VIEWER = "viewer"


class AttributeType(StrEnum):
    """The kinds of naming attributes that es-pki puts into a distinguished name (RFC 5280 section 4.1.2.4)."""

    COMMON_NAME = "common_name"
    SURNAME = "surname"
    GIVEN_NAME = "given_name"
    TITLE = "title"
    SERIAL_NUMBER = "serial_number"
    PSEUDONYM = "pseudonym"
    ORGANIZATION = "organization"
    ORGANIZATIONAL_UNIT = "organizational_unit"
    STREET_ADDRESS = "street_address"
    LOCALITY = "locality"
    STATE_OR_PROVINCE = "state_or_province"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    DOMAIN_COMPONENT = "domain_component"
    USER_ID = "user_id"
    EMAIL_ADDRESS = "email_address"


class Attribute(Struct, frozen=True, array_like=True):
    """One attribute of a distinguished name, as text."""

    type: AttributeType
    value: str


Subject = tuple[Attribute, ...]
"""A distinguished name: one attribute per RDN, in the order of the certificate (country first, by custom)."""


class ForeignAttribute(Struct, frozen=True, array_like=True):
    """One attribute of a distinguished name made elsewhere. `type` is an `AttributeType`'s value, or the dotted OID.

    `value` is text; what is no text is `#` and its octets in hex, as in RFC 4514 section 2.4.
    """

    type: str
    value: str


ForeignSubject = tuple[ForeignAttribute, ...]
"""A distinguished name as somebody else made it, attribute by attribute, in the order of the certificate."""


def shown_subject(subject: Subject) -> ForeignSubject:
    """Return a name of ours in the form that takes any name."""
    return tuple(ForeignAttribute(a.type.value, a.value) for a in subject)


def known_subject(subject: ForeignSubject) -> Subject | None:
    """Return a name made elsewhere as one of ours, None if it has attributes that aren't known here."""
    if not {a.type for a in subject} <= set(AttributeType):
        return None
    return tuple(Attribute(AttributeType(a.type), a.value) for a in subject)


def common_names(subject: Subject) -> tuple[str, ...]:
    """Return the subject's common names: programs differ in which of several they take."""
    return tuple(a.value for a in subject if a.type is AttributeType.COMMON_NAME)


class SubjectAltNames(Struct, frozen=True, omit_defaults=True):
    """Subject alternative names in their canonical text forms (RFC 5280 section 4.2.1.6).

    `dns_names` are lower-case A-labels, perhaps with a wildcard as the leftmost label; `ip_addresses` are
    compressed IPv4 or IPv6; `email_addresses` are RFC 5321 mailboxes; `uris` are absolute.
    """

    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any name."""
        return bool(self.dns_names or self.ip_addresses or self.email_addresses or self.uris)


class NameSpace(Struct, frozen=True, omit_defaults=True):
    """Parts of the name spaces, as name constraints write them (RFC 5280 section 4.2.1.10).

    `dns_names`: a domain, with all its subdomains. `ip_networks`: CIDR. `email_addresses`: a mailbox, a host,
    or `.domain` for all hosts below it. `uri_hosts`: a host, or `.domain` for all hosts below it.
    """

    dns_names: tuple[str, ...] = ()
    ip_networks: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uri_hosts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is in it."""
        return bool(self.dns_names or self.ip_networks or self.email_addresses or self.uri_hosts)


class NameConstraints(Struct, frozen=True, omit_defaults=True):
    """What an authority's certificates may name: within `permitted` (per form, if it lists any), never `excluded`."""

    permitted: NameSpace = NameSpace()
    excluded: NameSpace = NameSpace()

    def __bool__(self) -> bool:
        """Tell whether anything is constrained."""
        return bool(self.permitted) or bool(self.excluded)


class IssuancePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What an authority may issue to those who ask. `names` restricts only the name forms it lists something of."""

    names: NameConstraints = NameConstraints()
    wildcards: bool = True
    maximum_validity_days: int = 398
    key_types: tuple[KeyType, ...] = tuple(KeyType)
    extended_key_usages: tuple[ExtendedKeyUsage, ...] = tuple(ExtendedKeyUsage)
    subordinate_authorities: bool = False


def public_key_hash(spki: bytes) -> str:
    """Return the SHA-256 of a DER SubjectPublicKeyInfo in hex: what a key is known by, whoever certifies it."""
    return hashlib.sha256(spki).hexdigest()


class PublicKey(Struct, frozen=True):
    """A public key: its type and its DER SubjectPublicKeyInfo."""

    key_type: KeyType
    spki: bytes

    @property
    def hash(self) -> str:
        """Return what the key is known by."""
        return public_key_hash(self.spki)


class Locations(Struct, frozen=True):
    """Where relying parties find what the issuer publishes (RFC 5280 sections 4.2.2.1 and 4.2.1.13)."""

    ca_issuers: str
    crl: str


class Issuer(Struct, frozen=True):
    """An authority as those see it who ask it for a certificate; read from its stream at `version`.

    An append decided on these facts guards that version, so nothing is issued on facts that have changed.
    `name_constraints` are its own and those of all authorities above it: a path is held to each of them.
    `public_key_hash` is what its key is known by.
    """

    authority_id: str
    version: int
    name: str
    subject: Subject
    certificate: bytes
    key_id: str
    key_type: KeyType
    public_key_hash: str
    not_before: datetime
    not_after: datetime
    path_length: int | None
    name_constraints: tuple[NameConstraints, ...]
    policy: IssuancePolicy
    locations: Locations


ACME_GIVEN_UP = "urn:es-pki:acme:given-up"
"""The type of the problem of what somebody called off before it was done."""


ACME_REFUSED_HERE = "urn:es-pki:acme:refused-here"
"""The type of the problem of what was refused before any directory heard of it."""


class ChallengeType(StrEnum):
    """How a name is proved to an ACME directory (RFC 8555 section 8)."""

    HTTP_01 = "http-01"


class ACMEProblem(Struct, frozen=True, omit_defaults=True):
    """What an ACME directory reported, or what went wrong on the way to it.

    `type` is the problem's URN (RFC 8555 section 6.7, or one of es-pki's own), `document` the problem document as it
    came (JSON, with its subproblems), "" where there was none.
    """

    type: str
    detail: str
    document: str = ""


class Template(Struct, frozen=True):
    """Everything that a to-be-signed certificate says; equal templates give equal bytes.

    `issuer_certificate` is the issuer's DER certificate, None when the subject signs for itself.
    `serial_number` is positive and has at most 159 bits.
    """

    serial_number: int
    signature_key_type: KeyType
    issuer_certificate: bytes | None
    subject: Subject
    subject_alt_names: SubjectAltNames
    public_key: PublicKey
    not_before: datetime
    not_after: datetime
    is_authority: bool
    path_length: int | None
    key_usages: tuple[KeyUsage, ...]
    extended_key_usages: tuple[ExtendedKeyUsage, ...]
    name_constraints: NameConstraints
    locations: Locations | None


def serial_hex(serial_number: int) -> str:
    """Return a serial number as lower-case hex with an even number of digits, as it is shown and stored."""
    text = f"{serial_number:x}"
    return text if len(text) % 2 == 0 else "0" + text
