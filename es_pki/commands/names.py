"""What a name may look like: in subjects (RFC 5280 section 4.1.2.6) and in subject alternative names (4.2.1.6)."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

from es_pki.decider import Violation
from es_pki.values import Attribute, AttributeType, Subject, SubjectAltNames

MAXIMUM_NAMES = 100
"""Subject alternative names in one certificate: more makes handshakes and inventories unwieldy."""

MAXIMUM_NAMES_LENGTH = 8_192
"""Characters in all of them together: a record of the log stays below 64 KiB."""

MAXIMUM_ATTRIBUTES = 64
MAXIMUM_SUBJECT_LENGTH = 4_096
"""Attributes of a distinguished name, and characters in all of them together."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OWN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_URI_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_COMPONENT = re.compile(r"[!-.0-?A-\[\]-~]+")
_REALM = re.compile(r"[!-.0-9;-?A-\[\]-~]+")
_MOST_COMPONENTS, _LONGEST_PRINCIPAL = 8, 255
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

UPPER_BOUNDS = {
    AttributeType.COMMON_NAME: 64,
    AttributeType.ORGANIZATION: 64,
    AttributeType.ORGANIZATIONAL_UNIT: 64,
    AttributeType.TITLE: 64,
    AttributeType.SERIAL_NUMBER: 64,
    AttributeType.LOCALITY: 128,
    AttributeType.STATE_OR_PROVINCE: 128,
    AttributeType.PSEUDONYM: 128,
    AttributeType.EMAIL_ADDRESS: 255,
    AttributeType.COUNTRY: 2,
}
"""Characters in a naming attribute (RFC 5280 appendix A.1, the `ub-` numbers)."""

UNBOUNDED_BY_RFC = 128
"""Characters where RFC 5280 leaves room for 32,768: enough for a street or a surname."""

_ASCII_ONLY = {
    AttributeType.COUNTRY,
    AttributeType.DOMAIN_COMPONENT,
    AttributeType.EMAIL_ADDRESS,
}


def own_name_violations(name: str) -> Iterator[Violation]:
    """Yield what is wrong with the name by which es-pki's users call something: it stands in URLs and files."""
    if not _OWN_NAME.fullmatch(name):
        yield Violation(
            "name", "names are short and plain", "use 1 to 128 letters, digits, dots, hyphens and underscores"
        )
    elif is_uuid(name):
        yield Violation("name", "names aren't ids", "a name that looks like an id would be taken for one")


def is_uuid(text: str) -> bool:
    """Tell whether the text is an id rather than a name."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def subject_violations(subject: Subject) -> Iterator[Violation]:
    """Yield what is wrong with a distinguished name's attributes."""
    length = sum(len(attribute.value) for attribute in subject)
    if len(subject) > MAXIMUM_ATTRIBUTES or length > MAXIMUM_SUBJECT_LENGTH:
        bounds = f"at most {MAXIMUM_ATTRIBUTES} attributes with {MAXIMUM_SUBJECT_LENGTH} characters"
        yield Violation("subject", "names are counted", f"{bounds}, not {len(subject)} with {length}")
        return
    for attribute in subject:
        field = f"subject.{attribute.type}"
        bound = UPPER_BOUNDS.get(attribute.type, UNBOUNDED_BY_RFC)
        if not attribute.value.strip():
            yield Violation(field, "RFC 5280 section 4.1.2.4", "a naming attribute has a value")
        elif _length(attribute) > bound:
            yield Violation(
                field,
                "RFC 5280 appendix A.1 upper bounds",
                f"at most {bound} characters, not {_length(attribute)}",
            )
        elif not attribute.value.isprintable():
            yield Violation(field, "X.520 DirectoryString", "control characters don't belong in a name")
        elif attribute.type is AttributeType.SERIAL_NUMBER and not _PRINTABLE.fullmatch(attribute.value):
            yield Violation(field, "X.680 PrintableString", "letters, digits, spaces and '()+,-./:=?")
        elif attribute.type in _ASCII_ONLY and not attribute.value.isascii():
            yield Violation(field, "RFC 5280 appendix A.1", "only ASCII characters are allowed here")
        elif attribute.type is AttributeType.COUNTRY and not re.fullmatch("[A-Za-z]{2}", attribute.value):
            yield Violation(field, "RFC 5280 appendix A.1 X520countryName", "two letters of ISO 3166")
        elif attribute.type is AttributeType.EMAIL_ADDRESS and _mailbox_fault(attribute.value):
            yield Violation(field, "RFC 5280 section 4.1.2.6", _mailbox_fault(attribute.value))


def _mailbox_fault(address: str) -> str:
    """Say what is wrong with a mailbox whose domain may be in capitals (RFC 5321 section 2.4)."""
    local, at, domain = address.rpartition("@")
    return email_address_fault(f"{local}{at}{domain.lower()}")


def _length(attribute: Attribute) -> int:
    """Return a value's length as programs count it: a common name's in UTF-8 octets, to be safe in all of them."""
    return len(attribute.value.encode()) if attribute.type is AttributeType.COMMON_NAME else len(attribute.value)


def subject_alt_name_violations(names: SubjectAltNames) -> Iterator[Violation]:
    """Yield what is wrong with the subject alternative names themselves, whatever the policy says."""
    values = [value for form in names.__struct_fields__ for value in getattr(names, form)]
    count = len(values)
    if count > MAXIMUM_NAMES:
        yield Violation("dns_names", "names are counted", f"at most {MAXIMUM_NAMES} names, not {count}")
        return
    length = sum(map(len, values))
    if length > MAXIMUM_NAMES_LENGTH:
        yield Violation("dns_names", "names are counted", f"at most {MAXIMUM_NAMES_LENGTH} characters, not {length}")
        return
    checks = (
        ("dns_names", names.dns_names, dns_name_fault),
        ("ip_addresses", names.ip_addresses, ip_address_fault),
        ("email_addresses", names.email_addresses, email_address_fault),
        ("uris", names.uris, uri_fault),
        ("user_principal_names", names.user_principal_names, user_principal_name_fault),
        ("kerberos_principal_names", names.kerberos_principal_names, kerberos_principal_name_fault),
    )
    for field, forms, fault_of in checks:
        for index, value in enumerate(forms):
            fault = fault_of(value)
            if fault:
                yield Violation(f"{field}[{index}]", "RFC 5280 section 4.2.1.6", fault)


def dns_name_fault(name: str) -> str:
    """Say what is wrong with a DNS name in its canonical form, "" if nothing (RFC 1034 3.5, RFC 9525 6.3)."""
    host = name.removeprefix("*.")
    if len(host) > 253:
        return "a DNS name has at most 253 characters"
    if "*" in host:
        return "a wildcard stands alone and leftmost, before a domain"
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "labels are 1 to 63 lower-case letters, digits and inner hyphens"
    if _NUMBER.fullmatch(labels[-1]):
        return "this is no DNS name: browsers take it for an IP address, which belongs into ip_addresses"
    return ""


def ip_address_fault(address: str) -> str:
    """Say what is wrong with an IP address, "" if nothing."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return "this is neither an IPv4 nor an IPv6 address"
    return ""


def email_address_fault(address: str) -> str:
    """Say what is wrong with a mailbox, "" if nothing (RFC 5321 section 4.1.2, without quoted strings)."""
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > 64:
        return "a mailbox is local-part@domain"
    return dns_name_fault(domain) if "*" not in domain else "a mailbox has no wildcard"


def user_principal_name_fault(name: str) -> str:
    """Say what is wrong with a user principal name, "" if nothing (MS-ADTS section 5.1.1.1.1)."""
    account, at, domain = name.rpartition("@")
    if not at or not account.strip() or not account.isprintable() or "@" in account:
        return "a user principal name is account@domain"
    return dns_name_fault(domain) if "*" not in domain else "a user principal name has no wildcard"


def kerberos_principal_name_fault(name: str) -> str:
    """Say what is wrong with a Kerberos principal, "" if nothing (RFC 4120 sections 5.2.1, 6.1 and 6.2)."""
    principal, at, realm = name.rpartition("@")
    components = principal.split("/")
    if not at or not _REALM.fullmatch(realm) or not all(map(_COMPONENT.fullmatch, components)):
        return "a Kerberos principal is component/component@REALM, of printable ASCII characters"
    if len(components) > _MOST_COMPONENTS or len(name) > _LONGEST_PRINCIPAL:
        return f"a Kerberos principal has at most {_MOST_COMPONENTS} components and {_LONGEST_PRINCIPAL} characters"
    return ""


def uri_fault(uri: str) -> str:
    """Say what is wrong with a URI, "" if nothing: absolute, with a scheme and something behind it (RFC 3986)."""
    if not _URI_CHARACTERS.fullmatch(uri):
        return "a URI has only the characters of RFC 3986 section 2; encode the others"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URI"
    if "@" in parts.netloc:
        return "a URI of a certificate names a host without a user (RFC 3986 section 3.2.1)"
    if not _SCHEME.fullmatch(parts.scheme) or not (parts.netloc or parts.path):
        return "a URI is absolute: scheme and what it names"
    if host and ip_address_fault(host) and dns_name_fault(host.lower()):
        return "the URI's host is neither a DNS name nor an IP address"
    return ""


def is_own_name(text: str) -> bool:
    """Tell whether the text could be the name of something here."""
    return _OWN_NAME.fullmatch(text) is not None
