"""What is asked: about which certificate, for whom, when, by whose trust, and with what evidence at hand."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.names import Name

ANY_POLICY = "2.5.29.32.0"


class Purpose(StrEnum):
    """What the certificate is to be used for; `any`: its usages are not looked at."""

    ANY = "any"
    SERVER = "server"
    CLIENT = "client"
    EMAIL = "email"
    CODE_SIGNING = "code-signing"
    OCSP_SIGNING = "ocsp-signing"


class RevocationMode(StrEnum):
    """How much must be known of revocation.

    `none`: it is not looked at; `soft`: what is revoked is refused, what isn't known is a warning; `hard`: every
    certificate below the trust anchor must be known not to be revoked.
    """

    NONE = "none"
    SOFT = "soft"
    HARD = "hard"


class AlgorithmPolicy(Struct, frozen=True):
    """Which algorithms a trust store takes: hashes that it refuses under signatures, bits that keys have at least."""

    refused_hashes: frozenset[str] = frozenset({"md2", "md4", "md5", "sha1"})
    smallest_rsa: int = 2048
    smallest_field: int = 224
    takes_dsa: bool = False


LEGACY = AlgorithmPolicy(frozenset({"md2", "md4", "md5"}), smallest_rsa=1024, smallest_field=160, takes_dsa=True)
"""What was usual before 2014. Signatures with SHA-1 can be forged: for looking at what is old, not for trust."""


class Policies(Struct, frozen=True):
    """The inputs about certificate policies (RFC 5280 section 6.1.1 (c) and (e) to (g)).

    `acceptable` are object identifiers.
    """

    acceptable: frozenset[str] = frozenset({ANY_POLICY})
    explicit: bool = False
    mapping_inhibited: bool = False
    any_inhibited: bool = False


class Question(Struct, frozen=True, kw_only=True):
    """What is asked about a certificate.

    `host` is a DNS name in A-labels, `mailbox` local-part@domain: each given one must be in the certificate.
    `oldest_seconds` is how old a CRL or OCSP response without `next_update` may be. `nonce` is what the OCSP request
    had, None for a response that was not asked for by us.
    """

    time: datetime
    purpose: Purpose = Purpose.ANY
    host: str | None = None
    ip: IPv4Address | IPv6Address | None = None
    mailbox: str | None = None
    revocation: RevocationMode = RevocationMode.NONE
    policies: Policies = Policies()
    algorithms: AlgorithmPolicy = AlgorithmPolicy()
    oldest_seconds: int = 7 * 24 * 3600
    nonce: bytes | None = None


class Certificates:
    """Certificates by their subjects."""

    def __init__(self, certificates: Iterable[Parsed]) -> None:
        self._by_subject: dict[Name, list[Parsed]] = {}
        for certificate in {each.der: each for each in certificates}.values():
            self._by_subject.setdefault(certificate.subject, []).append(certificate)

    def of(self, subject: Name) -> list[Parsed]:
        """Return those of a subject."""
        return self._by_subject.get(subject, [])

    def __iter__(self) -> Iterator[Parsed]:
        return (each for found in self._by_subject.values() for each in found)

    def __contains__(self, certificate: Parsed) -> bool:
        return any(each.der == certificate.der for each in self.of(certificate.subject))
