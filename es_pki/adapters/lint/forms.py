"""The forms of names as bytes: host, mailbox, URI, IP address. Each says what is wrong, "" if nothing.

Written anew rather than taken from `commands/names.py`: a linter that asks the maker finds what the maker thinks of.
"""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(_LABEL + rb"(?:\." + _LABEL + rb")*")
_LOCAL_PART = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(rb'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_LAST_IS_NUMBER = re.compile(rb"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")


def host_fault(name: bytes) -> str:
    """Judge a host name in preferred syntax (RFC 1034 section 3.5, RFC 1123 section 2.1)."""
    if len(name) > 253:
        return "a host name has at most 253 characters"
    if not _HOST.fullmatch(name):
        return "a host name is labels of 1 to 63 letters, digits and inner hyphens, with a dot between"
    if _LAST_IS_NUMBER.fullmatch(name):
        return "a host name whose last label is a number is taken for an IP address"
    return ""


def email_address_fault(address: bytes) -> str:
    """Judge a mailbox (RFC 5321 section 4.1.2)."""
    local, at, domain = address.rpartition(b"@")
    if not at or not (_LOCAL_PART.fullmatch(local) or _QUOTED.fullmatch(local)) or len(local) > 64:
        return "an e-mail address is local-part@domain"
    return host_fault(domain)


@lru_cache(maxsize=256)
def uri_fault(uri: bytes) -> str:
    """Judge an absolute URI (RFC 3986 section 4.3): with an authority, its host is a host name or IP address."""
    text = uri.decode("latin-1")
    if not _URI.fullmatch(text):
        return "a URI is absolute and has only the characters of RFC 3986"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the authority of a URI is host:port"
    if host is None:
        return "the authority of a URI names a host" if text.partition(":")[2].startswith("//") else ""
    return (
        ""
        if _is_ip_address(host) or not host_fault(host.encode())
        else "the host of a URI is a host name or IP address"
    )


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def scheme_of(uri: bytes) -> bytes:
    """Return a URI's scheme in small letters."""
    return uri.partition(b":")[0].lower()


def network_fault(network: bytes) -> str:
    """Judge a network of name constraints (RFC 5280 section 4.2.1.10, RFC 4632 section 3.1): address and mask."""
    if len(network) not in {8, 32}:
        return "an IP constraint is an address and a mask, 8 or 32 octets"
    half = len(network) // 2
    address, mask = int.from_bytes(network[:half], "big"), int.from_bytes(network[half:], "big")
    inverse = mask ^ ((1 << 8 * half) - 1)
    if inverse & (inverse + 1):
        return "the mask of an IP constraint is ones, then zeros"
    return "the address of an IP constraint has bits outside its mask" if address & inverse else ""
