"""Names as people write them, brought into their canonical forms: IDNA, short IP addresses, known attributes.

What can't be brought into a form is refused with its field; the value itself is never repeated in the answer.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping

import idna

from es_pki.commands.refusals import Malformed
from es_pki.values import Attribute, AttributeType, Subject, SubjectAltNames

CUSTOMARY_ORDER = (
    AttributeType.COUNTRY,
    AttributeType.STATE_OR_PROVINCE,
    AttributeType.LOCALITY,
    AttributeType.POSTAL_CODE,
    AttributeType.STREET_ADDRESS,
    AttributeType.DOMAIN_COMPONENT,
    AttributeType.ORGANIZATION,
    AttributeType.ORGANIZATIONAL_UNIT,
    AttributeType.TITLE,
    AttributeType.SURNAME,
    AttributeType.GIVEN_NAME,
    AttributeType.PSEUDONYM,
    AttributeType.SERIAL_NUMBER,
    AttributeType.USER_ID,
    AttributeType.COMMON_NAME,
    AttributeType.EMAIL_ADDRESS,
)
"""The order of a distinguished name that was given by attribute names: from the country down to the thing itself."""


def subject(attributes: Mapping[str, str | tuple[str, ...]]) -> Subject:
    """Return a distinguished name. Raises `Malformed` for an attribute that es-pki doesn't know."""
    unknown = sorted(set(attributes) - set(AttributeType))
    if unknown:
        raise Malformed.at("subject", "attributes are known", f"attributes are: {', '.join(AttributeType)}")
    if not attributes:
        return ()
    found: list[Attribute] = []
    for kind in CUSTOMARY_ORDER:
        values = attributes.get(kind, ())
        found += [Attribute(kind, value) for value in ((values,) if isinstance(values, str) else values)]
    return tuple(found)


def subject_alt_names(
    dns_names: Iterable[str],
    ip_addresses: Iterable[str],
    email_addresses: Iterable[str],
    uris: Iterable[str],
    *,
    user_principal_names: Iterable[str] = (),
    kerberos_principal_names: Iterable[str] = (),
) -> SubjectAltNames:
    """Return the names in canonical form, each once, in their order. Raises `Malformed`, naming field and index."""
    return SubjectAltNames(
        dns_names=_canonical("dns_names", dns_names, dns_name),
        ip_addresses=_canonical("ip_addresses", ip_addresses, ip_address),
        email_addresses=_canonical("email_addresses", email_addresses, email_address),
        uris=tuple(dict.fromkeys(uris)),
        user_principal_names=_canonical("user_principal_names", user_principal_names, user_principal_name),
        kerberos_principal_names=_canonical(
            "kerberos_principal_names", kerberos_principal_names, kerberos_principal_name
        ),
    )


def _canonical(field: str, values: Iterable[str], form: Callable[[str], str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for index, value in enumerate(values):
        try:
            found[form(value)] = None
        except ValueError as error:
            raise Malformed.at(f"{field}[{index}]", "RFC 5280 section 4.2.1.6", str(error)) from None
    return tuple(found)


def dns_name(text: str) -> str:
    """Return a DNS name in lower-case A-labels, a wildcard kept. Raises `ValueError` (RFC 5891)."""
    host = text.strip().removesuffix(".")
    wildcard = "*." if host.startswith("*.") else ""
    host = host.removeprefix("*.")
    try:
        if not host.isascii():
            return wildcard + idna.encode(host, uts46=True).decode("ascii").lower()
        if "xn--" in host.lower():
            idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        raise ValueError("this is no internationalized domain name (RFC 5891)") from None
    return wildcard + host.lower()


def ip_address(text: str) -> str:
    """Return an IP address in its short form. Raises `ValueError`."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        raise ValueError("this is neither an IPv4 nor an IPv6 address") from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ValueError("an address in a certificate has no zone (RFC 4007 is for one host only)")
    return str(address)


def email_address(text: str) -> str:
    """Return a mailbox with its domain in lower-case A-labels. Raises `ValueError` (RFC 5321 section 2.4)."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or "*" in domain:
        raise ValueError("a mailbox is local-part@domain")
    return f"{local}@{dns_name(domain)}"


def user_principal_name(text: str) -> str:
    """Return a user principal name with its domain in lower case. Raises `ValueError` (MS-ADTS section 5.1.1.1.1)."""
    account, at, domain = text.strip().rpartition("@")
    if not at or not account:
        raise ValueError("a user principal name is account@domain")
    return f"{account}@{domain.lower()}"


def kerberos_principal_name(text: str) -> str:
    """Return a Kerberos principal, in which capitals count. Raises `ValueError` (RFC 4120 section 6)."""
    principal, at, realm = text.strip().rpartition("@")
    if not at or not principal or not realm:
        raise ValueError("a Kerberos principal is component/component@REALM")
    return f"{principal}@{realm}"
