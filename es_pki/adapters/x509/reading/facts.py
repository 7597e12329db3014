"""What a certificate says, every field of it, as values: `cryptography` parses lazily, and here nothing is left."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, mlkem, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier
from msgspec import Struct

from es_pki.adapters.x509.accounts import account_of
from es_pki.adapters.x509.encode import ATTRIBUTE_OIDS, USER_PRINCIPAL_NAME
from es_pki.adapters.x509.kerberos import KERBEROS_PRINCIPAL_NAME
from es_pki.adapters.x509.keys import key_type_of, read_with, refuse_weak, spki_of
from es_pki.adapters.x509.reading.constraints import name_constraints_of
from es_pki.adapters.x509.weak_keys import Purpose
from es_pki.commands.importing import Foreign, profile_of
from es_pki.commands.refusals import Malformed
from es_pki.values import (
    PURPOSE_OIDS,
    ExtendedKeyUsage,
    KeyAlgorithm,
    NameConstraints,
    SubjectAltNames,
    public_key_hash,
    serial_hex,
)
from es_pki.values.foreign import ForeignAttribute, ForeignSubject, KeyKind, kind_of

LARGEST = 24 * 1024
"""Octets of a certificate: its record in the log has at most 64 KiB, with its names in it twice."""

EARLIEST_YEAR = 1950
"""UTCTime begins with it (RFC 5280 section 4.1.2.5.1)."""

LONGEST_SERIAL_NUMBER = 64
"""Octets: RFC 5280 allows 20, and asks to be lenient with what others made."""

UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    InternalError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the parser raises for what is no well-formed certificate, lazily, field by field.

`InternalError` is OpenSSL's for some damaged ciphertexts.
"""

_ATTRIBUTES: dict[ObjectIdentifier, str] = {oid: kind.value for kind, oid in ATTRIBUTE_OIDS.items()}
_PURPOSES: dict[ObjectIdentifier, ExtendedKeyUsage] = {
    ObjectIdentifier(oid): usage for usage, oid in PURPOSE_OIDS.items()
}
_ANY_PURPOSE = ObjectIdentifier("2.5.29.37.0")


class Facts(Struct, frozen=True):
    """A certificate from elsewhere. `certificate` is its DER, `public_key` its key's DER SubjectPublicKeyInfo.

    `subject_alt_names` are as they stand, which may not be their canonical forms; `other_names` are those of further
    forms, `form:value`. `purposes` None: any (no extension says, or it says so); those es-pki doesn't know are left
    out. `is_authority`: by its basic constraints and key usage. `name_constraints` None: it has some of forms that
    nobody here checks. `is_self_signed`: by its name and its signature.
    """

    certificate: bytes
    subject: ForeignSubject
    issuer: ForeignSubject
    subject_alt_names: SubjectAltNames
    other_names: tuple[str, ...]
    key: KeyKind
    public_key: bytes
    serial_number: str
    not_before: datetime
    not_after: datetime
    purposes: tuple[ExtendedKeyUsage, ...] | None
    is_authority: bool
    path_length: int | None
    name_constraints: NameConstraints | None
    is_self_signed: bool

    @property
    def public_key_hash(self) -> str:
        """Return what the key is known by."""
        return public_key_hash(self.public_key)

    @property
    def fingerprint(self) -> str:
        """Return the certificate's SHA-256 in hex."""
        return hashlib.sha256(self.certificate).hexdigest()


def load_certificate(der: bytes, field: str) -> x509.Certificate:
    """Return a certificate of bounded size, by whose names and times it can be told. Raises `Malformed`."""
    if len(der) > LARGEST:
        raise Malformed.at(field, "certificates are bounded", f"a certificate has at most {LARGEST} octets")
    try:
        return told_apart(x509.load_der_x509_certificate(der))
    except UNREADABLE:
        raise _ill_formed(field, "") from None


def told_apart(certificate: x509.Certificate) -> x509.Certificate:
    """Return the certificate, having looked at its names and times. Raises one of `UNREADABLE`."""
    for look in (lambda: certificate.subject, lambda: certificate.issuer, lambda: certificate.not_valid_after_utc):
        look()
    return certificate


def facts_of(certificate: x509.Certificate, field: str) -> Facts:
    """Return all that a certificate says. Raises `Malformed` and, for a key that protects nothing, `RulesBroken`."""
    public = read_with(certificate.public_key, f"{field}.public_key")
    refuse_weak(public, f"{field}.public_key", Purpose.KEEP)
    try:
        return _facts(certificate, public, field)
    except x509.DuplicateExtension:
        raise _ill_formed(field, ": an extension stands in it twice (section 4.2)") from None
    except UNREADABLE:
        raise _ill_formed(field, "") from None


def _ill_formed(field: str, why: str) -> Malformed:
    # The parser's own words may repeat parts of the input.
    return Malformed.at(field, "RFC 5280 section 4.1", f"this is no well-formed certificate{why}")


def _facts(certificate: x509.Certificate, public: PublicKeyTypes, field: str) -> Facts:
    der, extensions = certificate.public_bytes(Encoding.DER), certificate.extensions
    if len(der) > LARGEST:
        raise Malformed.at(field, "certificates are bounded", f"a certificate has at most {LARGEST} octets")
    names, other_names = _alternative_names(extensions)
    is_authority, path_length = _authority(extensions)
    return Facts(
        certificate=der,
        subject=name_of(certificate.subject),
        issuer=name_of(certificate.issuer),
        subject_alt_names=names,
        other_names=other_names,
        key=kind_of_key(public),
        public_key=spki_of(public),
        serial_number=_serial_number(certificate, field),
        not_before=_time(certificate.not_valid_before_utc, field),
        not_after=_time(certificate.not_valid_after_utc, field),
        purposes=_purposes(extensions),
        is_authority=is_authority,
        path_length=path_length,
        name_constraints=name_constraints_of(extensions),
        is_self_signed=is_issued_by(certificate, certificate),
    )


def name_of(name: x509.Name) -> ForeignSubject:
    """Return a distinguished name, attribute by attribute."""
    return tuple(
        ForeignAttribute(_ATTRIBUTES.get(a.oid, a.oid.dotted_string), _text(a.value)) for rdn in name.rdns for a in rdn
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"#{value.hex()}"


def _serial_number(certificate: x509.Certificate, field: str) -> str:
    number = certificate.serial_number
    if number < 0 or number.bit_length() > 8 * LONGEST_SERIAL_NUMBER:
        detail = f"a serial number is not negative, and has at most {LONGEST_SERIAL_NUMBER} octets"
        raise Malformed.at(f"{field}.serial_number", "RFC 5280 section 4.1.2.2", detail)
    return serial_hex(number)


def _time(time: datetime, field: str) -> datetime:
    if time.year < EARLIEST_YEAR:
        raise Malformed.at(f"{field}.validity", "RFC 5280 section 4.1.2.5", f"no time is before {EARLIEST_YEAR}")
    return time


def _alternative_names(extensions: x509.Extensions) -> tuple[SubjectAltNames, tuple[str, ...]]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return SubjectAltNames(), ()
    accounts: dict[ObjectIdentifier, list[str]] = {USER_PRINCIPAL_NAME: [], KERBEROS_PRINCIPAL_NAME: []}
    others = [each for each in found if not isinstance(each, _TEXTUAL) and not _is_account(each, accounts)]
    names = SubjectAltNames(
        dns_names=tuple(found.get_values_for_type(x509.DNSName)),
        ip_addresses=tuple(map(str, found.get_values_for_type(x509.IPAddress))),
        email_addresses=tuple(found.get_values_for_type(x509.RFC822Name)),
        uris=tuple(found.get_values_for_type(x509.UniformResourceIdentifier)),
        user_principal_names=tuple(accounts[USER_PRINCIPAL_NAME]),
        kerberos_principal_names=tuple(accounts[KERBEROS_PRINCIPAL_NAME]),
    )
    return names, tuple(map(_other_name, others))


def _is_account(name: x509.GeneralName, accounts: dict[ObjectIdentifier, list[str]]) -> bool:
    """Put an account to those of its type, and tell whether it is one that can be read."""
    if not isinstance(name, x509.OtherName) or name.type_id not in accounts:
        return False
    try:
        accounts[name.type_id].append(account_of(name))
    except ValueError:
        return False
    return True


_TEXTUAL = x509.DNSName | x509.IPAddress | x509.RFC822Name | x509.UniformResourceIdentifier


def _other_name(name: x509.GeneralName) -> str:
    match name:
        case x509.DirectoryName(value=directory):
            return f"directory_name:{','.join(f'{a.type}={a.value}' for a in name_of(directory))}"
        case x509.RegisteredID(value=oid):
            return f"registered_id:{oid.dotted_string}"
        case x509.OtherName(type_id=oid, value=value):
            return f"other_name:{oid.dotted_string}:#{value.hex()}"
        case _:
            return f"{type(name).__name__}:"


def _purposes(extensions: x509.Extensions) -> tuple[ExtendedKeyUsage, ...] | None:
    try:
        found = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return None if _ANY_PURPOSE in found else tuple(_PURPOSES[oid] for oid in found if oid in _PURPOSES)


def _authority(extensions: x509.Extensions) -> tuple[bool, int | None]:
    """RFC 5280 sections 4.2.1.9 and 4.2.1.3: the basic constraints say so, and no key usage says otherwise."""
    by_oid = {extension.oid: extension.value for extension in extensions}
    basic, usage = by_oid.get(x509.BasicConstraints.oid), by_oid.get(x509.KeyUsage.oid)
    if not isinstance(basic, x509.BasicConstraints):
        return False, None
    return basic.ca and not (isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign), basic.path_length


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether names and signature say so; of a signature that can't be checked here, the names alone."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except UNREADABLE:
        pass  # a hash or a parameter that is not known any more, or not yet
    return True


def is_der_issued_by(certificate: bytes, issuer: bytes) -> bool:
    """Tell the same of DER certificates."""
    return is_issued_by(x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer))


def kind_of_key(public: PublicKeyTypes) -> KeyKind:
    """Return what kind of key it is. Raises `ValueError` for one of a kind that can't be told."""
    known = key_type_of(public)
    if known is not None:
        return kind_of(known)
    match public:
        case rsa.RSAPublicKey(key_size=bits):
            return KeyKind(f"rsa-{bits}", KeyAlgorithm.RSA, _strength_of_modulus(bits))
        case dsa.DSAPublicKey(key_size=bits):
            return KeyKind(f"dsa-{bits}", KeyAlgorithm.DSA, _strength_of_modulus(bits))
        case ec.EllipticCurvePublicKey(curve=curve, key_size=bits):
            return KeyKind(f"ec-{curve.name.lower()}", KeyAlgorithm.EC, min(bits // 2, 256))
        case ed448.Ed448PublicKey():
            return KeyKind("ed448", KeyAlgorithm.ED448, 224)
        case x25519.X25519PublicKey():
            return KeyKind("x25519", KeyAlgorithm.X25519, 128)
        case x448.X448PublicKey():
            return KeyKind("x448", KeyAlgorithm.X448, 224)
        case mlkem.MLKEM768PublicKey():
            return KeyKind("ml-kem-768", KeyAlgorithm.ML_KEM, 192)
        case mlkem.MLKEM1024PublicKey():
            return KeyKind("ml-kem-1024", KeyAlgorithm.ML_KEM, 256)
        case _:
            raise ValueError("a key of a kind that is not known")


def _strength_of_modulus(bits: int) -> int:
    """NIST SP 800-57 part 1 table 2."""
    return 112 if bits < 3072 else 128 if bits < 7680 else 192


def foreign_of(facts: Facts, chain: tuple[bytes, ...]) -> Foreign:
    """Return a certificate as it is kept, with the certificates above it (DER)."""
    return Foreign(
        certificate=facts.certificate,
        chain=chain,
        subject=facts.subject,
        issuer=facts.issuer,
        subject_alt_names=facts.subject_alt_names,
        other_names=facts.other_names,
        key=facts.key,
        public_key_hash=facts.public_key_hash,
        serial_number=facts.serial_number,
        not_before=facts.not_before,
        not_after=facts.not_after,
        profile=profile_of(facts.purposes, is_authority=facts.is_authority),
        is_self_signed=facts.is_self_signed,
        is_authority=facts.is_authority,
    )
