"""The name constraints of an authority that was made elsewhere (RFC 5280 section 4.2.1.10)."""

import ipaddress
from collections.abc import Iterable

from cryptography import x509

from es_pki.values import NameConstraints, NameSpace


def name_constraints_of(extensions: x509.Extensions) -> NameConstraints | None:
    """Return them; None when they are of forms that nobody here checks, such as directory names."""
    try:
        found = extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return NameConstraints()
    permitted, excluded = _space(found.permitted_subtrees), _space(found.excluded_subtrees)
    return None if permitted is None or excluded is None else NameConstraints(permitted, excluded)


def _space(subtrees: Iterable[x509.GeneralName] | None) -> NameSpace | None:
    forms: dict[type[x509.GeneralName], list[str]] = {
        x509.DNSName: [],
        x509.IPAddress: [],
        x509.RFC822Name: [],
        x509.UniformResourceIdentifier: [],
    }
    for name in subtrees or ():
        text = _entry(name)
        if text is None:
            return None
        forms[type(name)].append(text)
    dns_names, ip_networks, email_addresses, uri_hosts = map(tuple, forms.values())
    return NameSpace(dns_names, ip_networks, email_addresses, uri_hosts)


def _entry(name: x509.GeneralName) -> str | None:
    """Return an entry as it is written here, None for one that stands for something else or everything."""
    match name:
        case x509.DNSName(value=text):
            return text.lower().removeprefix(".") or None
        case x509.IPAddress(value=network) if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return str(network)
        case x509.RFC822Name(value=text) | x509.UniformResourceIdentifier(value=text):
            return text.lower() if "@" not in text else text
        case _:
            return None
