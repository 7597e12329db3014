"""Where more is to be had: what the certificates of a path point at (RFC 5280 sections 4.2.1.13 and 4.2.2.1)."""

import itertools
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder
from cryptography.x509.oid import AuthorityInformationAccessOID, ObjectIdentifier
from msgspec import Struct

from es_pki.adapters.validation.certificate import UNREADABLE, Parsed, Unreadable
from es_pki.adapters.validation.ocsp import KEY_HASH
from es_pki.adapters.worker import Work

MOST = 8
"""Addresses of a kind that are told, at most: those of the certificate that was asked about come first."""

LONGEST = 2_000
"""Characters of an address."""


class Question(Struct, frozen=True):
    """An OCSP responder's address, and the DER request to ask it."""

    url: str
    request: bytes


class Pointers(Struct, frozen=True):
    """Addresses: of the issuer of the path's last certificate, and of what is said about revocation of all of them."""

    issuers: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


class Path(Struct, frozen=True):
    """DER certificates, each with its issuer's behind it."""

    certificates: tuple[bytes, ...]


def pointers(path: Path) -> Pointers:
    """Return what the certificates of a path point at; what can't be read points nowhere."""
    certificates = list(_readable(path.certificates))
    if not certificates:
        return Pointers()
    return Pointers(
        issuers=_first(_accessible(certificates[-1], AuthorityInformationAccessOID.CA_ISSUERS)),
        crls=_first(url for each in certificates for url in _distribution_points(each)),
        questions=tuple(_questions(certificates))[:MOST],
    )


POINT = Work(f"{__name__}:{pointers.__name__}", Path, Pointers, seconds=5.0)


def _readable(ders: Sequence[bytes]) -> Iterator[Parsed]:
    for der in ders:
        try:
            yield Parsed(der)
        except Unreadable:
            return


def _questions(certificates: Sequence[Parsed]) -> Iterator[Question]:
    for certificate, issuer in itertools.pairwise(certificates):
        urls = _first(_accessible(certificate, AuthorityInformationAccessOID.OCSP))
        if urls:
            yield from (Question(url, request) for request in _request(certificate, issuer) for url in urls)


def _request(certificate: Parsed, issuer: Parsed) -> Iterator[bytes]:
    """Yield the request that every responder understands (RFC 5019 section 2.1.1: SHA-1 names, it doesn't protect)."""
    try:
        builder = OCSPRequestBuilder().add_certificate(certificate.certificate, issuer.certificate, KEY_HASH)
        yield builder.build().public_bytes(Encoding.DER)
    except UNREADABLE:
        return


def _accessible(certificate: Parsed, method: ObjectIdentifier) -> Iterator[str]:
    access = certificate.extension(x509.AuthorityInformationAccess)
    for description in access or ():
        if description.access_method == method and isinstance(
            description.access_location, x509.UniformResourceIdentifier
        ):
            yield description.access_location.value


def _distribution_points(certificate: Parsed) -> Iterator[str]:
    complete, delta = certificate.extension(x509.CRLDistributionPoints), certificate.extension(x509.FreshestCRL)
    for points in (complete, delta):
        for point in points or ():
            for name in point.full_name or ():
                if isinstance(name, x509.UniformResourceIdentifier):
                    yield name.value


def _first(urls: Iterator[str]) -> tuple[str, ...]:
    """Return the first addresses, each once."""
    return tuple(dict.fromkeys(url for url in urls if len(url) <= LONGEST))[:MOST]
