"""Certification requests, read to the last field before anything is decided (RFC 2986).

A CSR is a wish: its names are judged by the policy, and of its requested extensions only the names are read. Its other
attributes, challenge passwords among them, are nobody's business here: of them only the kinds are told.
"""

import base64
import binascii
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ObjectIdentifier
from msgspec import Struct

from es_pki.adapters.x509 import names
from es_pki.adapters.x509.accounts import account_of
from es_pki.adapters.x509.attributes import attribute_oids
from es_pki.adapters.x509.encode import ATTRIBUTE_OIDS, USER_PRINCIPAL_NAME
from es_pki.adapters.x509.kerberos import KERBEROS_PRINCIPAL_NAME
from es_pki.adapters.x509.keys import judged, read_with
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.decider import Violation
from es_pki.values import Attribute, AttributeType, PublicKey, Subject, SubjectAltNames

LARGEST = 64 * 1024
"""Octets of a CSR: a hundred names fit in a tenth of it."""

_PEM = re.compile(
    r"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(?P<body>[A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----"
)
_ATTRIBUTE_TYPES: dict[ObjectIdentifier, AttributeType] = {oid: kind for kind, oid in ATTRIBUTE_OIDS.items()}
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the parser raises for bytes that are no certification request, lazily, field by field."""

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"  # RFC 2985 section 5.4.2
_OLD_HASHES = frozenset({"md2", "md4", "md5", "sha1"})


class SigningRequest(Struct, frozen=True):
    """What a CSR asks for, its signature checked; `der` is the whole CSR.

    `attributes` are the object identifiers of its attributes besides the requested extensions.
    """

    subject: Subject
    subject_alt_names: SubjectAltNames
    public_key: PublicKey
    attributes: tuple[str, ...]
    der: bytes


def read_csr(text: str, field: str = "csr") -> SigningRequest:
    """Read a CSR: PEM with any text around it, or base64 of DER.

    Raises `Malformed` and `RulesBroken`, naming the field and the rule; never repeats what was sent.
    """
    if len(text) > LARGEST:
        raise Malformed.at(field, "CSRs are bounded", f"at most {LARGEST} characters")
    try:
        return _read(_der(text, field), field)
    except x509.DuplicateExtension as error:
        detail = f"the extension {error.oid.dotted_string} is requested twice"
        raise Malformed.at(field, "RFC 5280 section 4.2", detail) from None
    except UNREADABLE:
        # The parser's own words may repeat parts of the input.
        raise Malformed.at(field, "RFC 2986 section 4", "this is no well-formed certification request") from None


def _der(text: str, field: str) -> bytes:
    found = _PEM.search(text)
    body = found["body"] if found else text
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed.at(field, "RFC 7468 section 7", "send a CSR in PEM, or base64 of DER") from None


def _read(der: bytes, field: str) -> SigningRequest:
    csr = x509.load_der_x509_csr(der)
    key = judged(read_with(csr.public_key, f"{field}.public_key"), f"{field}.public_key")
    if key.key_type.is_rsa and key.spki not in csr.tbs_certrequest_bytes:
        # The parser reads id-RSASSA-PSS keys as plain RSA keys and forgets what restricts them.
        raise _broken(f"{field}.public_key", "RFC 4055 section 1.2", "a key restricted to RSASSA-PSS is not certified")
    _check_signature(csr, field)
    return SigningRequest(
        subject=tuple(_attribute(a, field) for rdn in csr.subject.rdns for a in rdn),
        subject_alt_names=_subject_alt_names(csr, field),
        public_key=key,
        attributes=tuple(oid for oid in attribute_oids(csr.tbs_certrequest_bytes) if oid != _EXTENSION_REQUEST),
        der=der,
    )


def _check_signature(csr: x509.CertificateSigningRequest, field: str) -> None:
    algorithm = csr.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _OLD_HASHES:
        raise _broken(f"{field}.signature", "RFC 6194 and RFC 6151", f"{algorithm.name} signatures can be forged")
    try:
        csr_is_genuine = csr.is_signature_valid
    except InvalidSignature:
        csr_is_genuine = False
    if not csr_is_genuine:
        raise _broken(
            f"{field}.signature", "RFC 2986 section 4.2", "the CSR is not signed by the key that it asks about"
        )


def _attribute(attribute: x509.NameAttribute[str | bytes], field: str) -> Attribute:
    kind, value = _ATTRIBUTE_TYPES.get(attribute.oid), attribute.value
    if kind is None or not isinstance(value, str):
        raise _broken(
            f"{field}.subject",
            "attributes are known",
            f"{attribute.oid.dotted_string} is no attribute that is certified",
        )
    return Attribute(kind, value)


def _subject_alt_names(csr: x509.CertificateSigningRequest, field: str) -> SubjectAltNames:
    forms: dict[object, list[str]] = {form: [] for form in _FORMS}
    for name in _requested_names(csr):
        form = name.type_id if isinstance(name, x509.OtherName) else type(name)
        if form not in forms:
            raise _broken(
                f"{field}.subject_alt_names",
                "RFC 5280 section 4.2.1.6",
                "names are DNS names, IP addresses, mailboxes, URIs, UPNs and Kerberos principals,"
                f" not {type(name).__name__}",
            )
        forms[form].append(account_of(name) if isinstance(name, x509.OtherName) else str(name.value))
    dns_names, ip_addresses, email_addresses, uris, accounts, principals = forms.values()
    return names.subject_alt_names(
        dns_names,
        ip_addresses,
        email_addresses,
        uris,
        user_principal_names=accounts,
        kerberos_principal_names=principals,
    )


_FORMS = (
    x509.DNSName,
    x509.IPAddress,
    x509.RFC822Name,
    x509.UniformResourceIdentifier,
    USER_PRINCIPAL_NAME,
    KERBEROS_PRINCIPAL_NAME,
)


def _requested_names(csr: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(extension.value)


def _broken(field: str, rule: str, detail: str) -> RulesBroken:
    return RulesBroken(detail, Violation(field, rule, detail))
