"""The words of a PKI as immutable values, shared by every layer; RFC 5280's terms throughout.

No clock, no randomness, no I/O. Times are timezone-aware UTC datetimes with whole seconds.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType


class KeyAlgorithm(StrEnum):
    """A family of key pairs, the first four made here. ML-DSA and ML-KEM (FIPS 203) withstand quantum computers."""

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
        return _algorithm_of(self.value)

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


@cache
def _algorithm_of(key_type: str) -> KeyAlgorithm:
    return next(algorithm for algorithm in KeyAlgorithm if key_type.startswith(algorithm.value))


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
    SMART_CARD_LOGON = "smart_card_logon"
    KDC_AUTHENTICATION = "kdc_authentication"


PURPOSE_OIDS = {
    ExtendedKeyUsage.SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
    ExtendedKeyUsage.CLIENT_AUTH: "1.3.6.1.5.5.7.3.2",
    ExtendedKeyUsage.EMAIL_PROTECTION: "1.3.6.1.5.5.7.3.4",
    ExtendedKeyUsage.CODE_SIGNING: "1.3.6.1.5.5.7.3.3",
    ExtendedKeyUsage.SMART_CARD_LOGON: "1.3.6.1.4.1.311.20.2.2",
    ExtendedKeyUsage.KDC_AUTHENTICATION: "1.3.6.1.5.2.3.5",  # RFC 4556 section 3.2.4
}
"""The object identifiers of the purposes that have a name here."""

_OID = r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]{0,8}))(?:\.(?:0|[1-9][0-9]{0,9})){0,9}"

ObjectIdentifier = Annotated[str, Meta(pattern=f"^{_OID}$")]
"""An object identifier in dots, short enough for every parser."""

Purpose = Annotated[
    str,
    Meta(
        pattern=f"^(?:{'|'.join(ExtendedKeyUsage)}|{_OID})$",
        extra_json_schema={"examples": [*ExtendedKeyUsage, "1.3.6.1.5.5.7.3.8"]},
    ),
]
"""An extended key usage: one by name, or any other by its object identifier."""


class CRLReason(StrEnum):
    """Why a certificate no longer holds, in the words of RFC 5280 section 5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    REMOVE_FROM_CRL = "removeFromCRL"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    AA_COMPROMISE = "aACompromise"


class Role(StrEnum):
    """What a principal may do; a principal may hold several. `calendar` opens the calendar feed, and nothing else."""

    ADMIN = "admin"
    OPERATOR = "operator"
    REQUESTER = "requester"
    AUDITOR = "auditor"
    VIEWER = "viewer"
    CALENDAR = "calendar"


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


def common_names(subject: Subject) -> tuple[str, ...]:
    """Return the subject's common names: programs differ in which of several they take."""
    return tuple(a.value for a in subject if a.type is AttributeType.COMMON_NAME)


class SubjectAltNames(Struct, frozen=True, omit_defaults=True):
    """Subject alternative names in their canonical text forms (RFC 5280 section 4.2.1.6).

    `dns_names` are lower-case A-labels, perhaps with a wildcard as the leftmost label; `ip_addresses` are
    compressed IPv4 or IPv6; `email_addresses` are RFC 5321 mailboxes; `uris` are absolute; `user_principal_names`
    name accounts of an Active Directory as `name@domain` (an otherName, MS-WCCE section 2.2.2.7.5), and
    `kerberos_principal_names` principals as `component/component@REALM` (an otherName, RFC 4556 section 3.2.2).
    """

    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    user_principal_names: tuple[str, ...] = ()
    kerberos_principal_names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any name."""
        return any(getattr(self, form) for form in self.__struct_fields__)


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


USUAL_PURPOSES = (
    ExtendedKeyUsage.SERVER_AUTH,
    ExtendedKeyUsage.CLIENT_AUTH,
    ExtendedKeyUsage.EMAIL_PROTECTION,
    ExtendedKeyUsage.CODE_SIGNING,
)
"""What an authority issues for unless its policy says otherwise; the others reach into a directory's log-on."""


class IssuancePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What an authority may issue to those who ask. `names` restricts only the name forms it lists something of.

    `account_names`: whether certificates may name accounts of an Active Directory, by user principal name or security
    identifier; absent: they may not. Where the directory trusts the authority, whoever asks could log on as anybody.
    """

    names: NameConstraints = NameConstraints()
    wildcards: bool = True
    maximum_validity_days: int = 398
    key_types: tuple[KeyType, ...] = tuple(KeyType)
    extended_key_usages: tuple[Purpose, ...] = USUAL_PURPOSES
    subordinate_authorities: bool = False
    account_names: bool | UnsetType = UNSET


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
    """Where relying parties find what the issuer publishes (RFC 5280 sections 4.2.2.1 and 4.2.1.13).

    `crl` is the list of all that the issuer revoked. `crl_shards` is among how many shorter lists new certificates are
    spread besides; below 2 there are none. `ocsp` is where the issuer's OCSP responder is asked, "" for nowhere.
    """

    ca_issuers: str
    crl: str
    crl_shards: int = 0
    ocsp: str = ""

    def shard_of(self, serial_number: int) -> int:
        """Return the number of the list, from 1, to which a new certificate belongs; 0 is the list of all."""
        return serial_number % self.crl_shards + 1 if self.crl_shards > 1 else 0

    def of_shard(self, shard: int) -> "Locations":
        """Return what a certificate of the list says."""
        return Locations(self.ca_issuers, crl_location(self.crl, shard), ocsp=self.ocsp)


def crl_location(crl: str, shard: int) -> str:
    """Return where a list of an issuer is found: the list of all (0) at `crl`, the others below it."""
    return f"{crl}/{shard}" if shard else crl


class TrustAnchor(Struct, frozen=True, omit_defaults=True):
    """A certificate that chains may end at. `fingerprint` and `public_key_hash` are SHA-256 in hex.

    `subject_name` is as in RFC 4514, `serial_number` hex; `authority_id`: which of our own it is, "" for none.
    """

    fingerprint: str
    certificate: bytes
    subject_name: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    public_key_hash: str
    authority_id: str = ""


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


class CriticalExtension(StrEnum):
    """An extension whose criticality RFC 5280 leaves to the issuer (sections 4.2.1.3, 4.2.1.4 and 4.2.1.12)."""

    KEY_USAGE = "key_usage"
    CERTIFICATE_POLICIES = "certificate_policies"
    EXTENDED_KEY_USAGE = "extended_key_usage"


class Template(Struct, frozen=True):
    """Everything that a to-be-signed certificate says; equal templates give equal bytes.

    `issuer_certificate` is the issuer's DER certificate, None when the subject signs for itself.
    `serial_number` is positive and has at most 159 bits. `security_identifier` is an account's ("" for none).
    `serial_number` is positive and has at most 159 bits. `is_ocsp_responder`: it answers for its issuer (RFC 6960).
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
    extended_key_usages: tuple[Purpose, ...]
    name_constraints: NameConstraints
    locations: Locations | None
    policy_identifiers: tuple[str, ...] = ()
    security_identifier: str = ""
    critical_extensions: tuple[CriticalExtension, ...] = (CriticalExtension.KEY_USAGE,)
    is_ocsp_responder: bool = False


def serial_hex(serial_number: int) -> str:
    """Return a serial number as lower-case hex with an even number of digits, as it is shown and stored."""
    text = f"{serial_number:x}"
    return text if len(text) % 2 == 0 else "0" + text
