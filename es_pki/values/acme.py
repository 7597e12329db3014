"""The words of ACME (RFC 8555) that more than one layer uses."""

import ipaddress
from enum import StrEnum

from msgspec import Struct

ACME_GIVEN_UP = "urn:es-pki:acme:given-up"
"""The type of the problem of what somebody called off before it was done."""


ACME_REFUSED_HERE = "urn:es-pki:acme:refused-here"
"""The type of the problem of what was refused before any directory heard of it."""


class ChallengeType(StrEnum):
    """How a name is proved to an ACME directory (RFC 8555 section 8)."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"
    TLS_ALPN_01 = "tls-alpn-01"
    DNS_PERSIST_01 = "dns-persist-01"


class ACMEProblem(Struct, frozen=True, omit_defaults=True):
    """What an ACME directory reported, or what went wrong on the way to it.

    `type` is the problem's URN (RFC 8555 section 6.7, or one of es-pki's own), `document` the problem document as it
    came (JSON, with its subproblems), "" where there was none.
    """

    type: str
    detail: str
    document: str = ""


def server_name(identifier: str) -> str:
    """Return what a validator names a DNS name or an IP address in TLS (RFC 8737 section 3, RFC 8738 section 6)."""
    try:
        return ipaddress.ip_address(identifier).reverse_pointer
    except ValueError:
        return identifier
