"""What is asked: an OCSPRequest, read strictly (RFC 6960 section 4.1).

Signatures on requests are not looked at: anybody may ask, and everybody gets the same answer.
"""

from functools import lru_cache
from typing import NamedTuple

from es_pki.adapters.x509.der import EXPLICIT_0, INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE
from es_pki.adapters.x509.der import object_identifier as oid
from es_pki.adapters.x509.elements import Element, Elements, NotDER, only

LARGEST_REQUEST = 16 * 1024
"""Octets: `MOST_CERTIFICATES` with SHA-512 hashes take a third of it."""

USUAL_REQUEST, REMEMBERED = 256, 4_096
"""Octets of requests that come again and again, and how many of them are remembered as they were read."""

MOST_CERTIFICATES = 32
"""Certificates asked about in one request: each costs look-ups."""

LONGEST_NONCE = 128
"""Octets (RFC 9654 section 2.1)."""

NONCE = oid("1.3.6.1.5.5.7.48.1.2")
ACCEPTABLE_RESPONSES = oid("1.3.6.1.5.5.7.48.1.4")

BOOLEAN = 0x01
EXPLICIT_1, EXPLICIT_2 = 0xA1, 0xA2


class MalformedRequest(Exception):
    """This is no request, or one that asks for what isn't understood: the answer is `malformedRequest`."""


class CertID(NamedTuple):
    """Which certificate is asked about (RFC 6960 section 4.1.1). `der` is what the answer has to repeat.

    `hash_algorithm` is the DER OBJECT IDENTIFIER of the hash over the issuer's name and key.
    """

    hash_algorithm: bytes
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    der: bytes


class Asked(NamedTuple):
    """A request. `nonce` is the extension's value as it was sent: it is repeated as it is; None without one."""

    about: tuple[CertID, ...]
    nonce: bytes | None


def read_request(der: bytes) -> Asked:
    """Read an OCSPRequest to its last octet. Raises `MalformedRequest`."""
    if len(der) > LARGEST_REQUEST:
        raise MalformedRequest(f"more than {LARGEST_REQUEST} octets")
    try:
        return _remembered(der) if len(der) <= USUAL_REQUEST else _request(der)
    except NotDER as error:
        raise MalformedRequest(str(error)) from error


@lru_cache(maxsize=REMEMBERED)
def _remembered(der: bytes) -> Asked:
    return _request(der)


def _request(der: bytes) -> Asked:
    request = Elements(only(der, SEQUENCE))
    tbs = Elements(request.take(SEQUENCE).content)
    request.take_any(EXPLICIT_0)  # the signature
    request.end()
    version = tbs.take_any(EXPLICIT_0)
    if version is not None and only(version.content, INTEGER) != b"\0":
        raise MalformedRequest("not version 1")
    tbs.take_any(EXPLICIT_1)  # the requestor's name
    requests = Elements(tbs.take(SEQUENCE).content).rest(SEQUENCE)
    extensions = _extensions(tbs.take_any(EXPLICIT_2))
    tbs.end()
    if not 1 <= len(requests) <= MOST_CERTIFICATES:
        raise MalformedRequest(f"asks about {len(requests)} certificates, not 1 to {MOST_CERTIFICATES}")
    return Asked(tuple(_certificate(request.content) for request in requests), _nonce(extensions.get(NONCE)))


def _certificate(content: bytes) -> CertID:
    request = Elements(content)
    found = request.take(SEQUENCE)
    _extensions(request.take_any(EXPLICIT_0))
    request.end()
    cert_id = Elements(found.content)
    algorithm = Elements(cert_id.take(SEQUENCE).content)
    hash_algorithm = algorithm.take(OBJECT_IDENTIFIER).der
    algorithm.take_any(NULL[0])
    algorithm.end()
    name_hash, key_hash = cert_id.take(OCTET_STRING).content, cert_id.take(OCTET_STRING).content
    serial_number = _integer(cert_id.take(INTEGER).content)
    cert_id.end()
    return CertID(hash_algorithm, name_hash, key_hash, serial_number, found.der)


def _integer(content: bytes) -> int:
    if not content or (len(content) > 1 and content[0] in {0, 0xFF} and (content[0] ^ content[1]) < 0x80):
        raise NotDER("a number isn't in its shortest form")
    return int.from_bytes(content, "big", signed=True)


def _extensions(wrapped: Element | None) -> dict[bytes, bytes]:
    """Return the values of extensions by their DER OBJECT IDENTIFIERs.

    Raises `MalformedRequest` for one that is critical and not understood (RFC 6960 section 4.4), or that comes twice.
    """
    found: dict[bytes, bytes] = {}
    if wrapped is None:
        return found
    for extension in Elements(only(wrapped.content, SEQUENCE)).rest(SEQUENCE):
        fields = Elements(extension.content)
        name = fields.take(OBJECT_IDENTIFIER).der
        critical = fields.take_any(BOOLEAN)
        value = fields.take(OCTET_STRING).content
        fields.end()
        if critical is not None and critical.content != b"\0" and name not in {NONCE, ACCEPTABLE_RESPONSES}:
            raise MalformedRequest("an extension is critical and not understood")
        if name in found:
            raise MalformedRequest("an extension comes twice")
        found[name] = value
    return found


def _nonce(value: bytes | None) -> bytes | None:
    """Return a nonce's extension value. Before RFC 8954 some put the octets there without an OCTET STRING around."""
    if value is None:
        return None
    try:
        nonce = only(value, OCTET_STRING)
    except NotDER:
        nonce = value
    if not 1 <= len(nonce) <= LONGEST_NONCE:
        raise MalformedRequest(f"a nonce of {len(nonce)} octets, not 1 to {LONGEST_NONCE}")
    return value
