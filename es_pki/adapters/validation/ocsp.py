"""An OCSP response, read, and the conditions under which it answers for a certificate (RFC 6960 section 3.2).

One small function per condition; a response that fails one says nothing.
"""

from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, OCSPExtensionOID
from msgspec import Struct

from es_pki.adapters.validation.certificate import UNREADABLE, Parsed, Unreadable, quietly
from es_pki.adapters.validation.crl_rules import TOLERANCE
from es_pki.adapters.validation.findings import advice
from es_pki.adapters.validation.question import Question
from es_pki.adapters.validation.signatures import Signature, signature_of_response

KEY_HASH = hashes.SHA1()  # noqa: S303 - RFC 6960 section 4.2.1 has no other; it only tells keys apart
PROCESSED = frozenset({OCSPExtensionOID.NONCE.dotted_string})
_CRITICAL = b"\x01\x01\xff\x04"
_CERT_ID_HASHES = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)


class ParsedResponse:
    """An OCSP response whose fields were read; `certificates` came with it."""

    def __init__(self, der: bytes) -> None:
        """Read a DER OCSPResponse. Raises `Unreadable`, also for one that is no success (RFC 6960 section 4.2.1)."""
        self.der = der
        with quietly():
            self._read(der)

    def _read(self, der: bytes) -> None:
        try:
            self.response = response = _successful(der)
            self.singles = tuple(response.responses)
            self.signature: Signature = signature_of_response(response)
            extensions = list(response.extensions)
            own = list(response.single_extensions) if len(self.singles) == 1 else []
            sent = [each.public_bytes(Encoding.DER) for each in response.certificates]
        except Unreadable:
            raise
        except UNREADABLE as error:
            raise Unreadable("this is no well-formed OCSP response (RFC 6960 section 4.2.1)") from error
        self.critical: frozenset[str] = frozenset(e.oid.dotted_string for e in (*extensions, *own) if e.critical)
        self.nonce = next((e.value.nonce for e in extensions if isinstance(e.value, x509.OCSPNonce)), None)
        self.certificates = tuple(_readable(sent))

    @property
    def has_unread_critical_extension(self) -> bool:
        """Tell whether a single response among several may have a critical extension: `cryptography` shows none."""
        if len(self.singles) < 2:
            return False
        return self.signature.data.count(_CRITICAL) > len(self.critical)

    def answers(self, certificate: Parsed, issuer: Parsed) -> list[ocsp.OCSPSingleResponse]:
        """Return the single responses about a certificate of an issuer (RFC 6960 section 4.1.1)."""
        return [single for single in self.singles if _is_about(single, certificate, issuer)]

    def may_be_by(self, responder: Parsed) -> bool:
        """Tell whether the response says that this is its responder (RFC 6960 section 4.2.1, ResponderID)."""
        name = self.response.responder_name
        if name is not None:
            return name.public_bytes() == responder.certificate.subject.public_bytes()
        return self.response.responder_key_hash == hashed(responder.public_key_octets, KEY_HASH)


class Answer(Struct, frozen=True):
    """A single response about a certificate, within its response."""

    response: ParsedResponse
    single: ocsp.OCSPSingleResponse
    question: Question


def response_extensions_are_known(answer: Answer) -> str | None:
    """RFC 6960 section 4.4: a response with a critical extension that is not processed is not used.

    Ask a responder that answers without it, or use CRLs.
    """
    unknown = answer.response.critical - PROCESSED
    if unknown:
        return f"the OCSP response has critical extensions that nobody here knows: {', '.join(sorted(unknown))}"
    is_unread = answer.response.has_unread_critical_extension
    return "a single response seems to have a critical extension, which can't be read" if is_unread else None


def response_answers_the_nonce(answer: Answer) -> str | None:
    """RFC 9654 section 2.1: the nonce of a response, if it has one, is the one that was sent.

    Somebody sent an old response again: ask anew.
    """
    sent, found = answer.question.nonce, answer.response.nonce
    return "the OCSP response answers another request" if sent is not None is not found and sent != found else None


def response_has_begun(answer: Answer) -> str | None:
    """RFC 6960 section 3.2 (5) and 4.2.2.1: a response is not made later than it is used.

    Set the clock, or ask about a later time.
    """
    is_early = answer.single.this_update_utc > answer.question.time + TOLERANCE
    return "the OCSP response is of a later time than the asked one" if is_early else None


def response_is_current(answer: Answer) -> str | None:
    """RFC 6960 section 3.2 (6) and 4.2.2.1: newer information is not available yet; without such a time it is young.

    Ask the responder again.
    """
    ends = answer.single.next_update_utc
    if ends is None:
        ends = answer.single.this_update_utc + timedelta(seconds=answer.question.oldest_seconds)
    return f"the OCSP response ended at {ends:%Y-%m-%d %H:%M} UTC" if answer.question.time > ends else None


def response_signature_is_strong(answer: Answer) -> str | None:
    """RFC 6194 and RFC 6151: the hash under the response's signature is none that the trust store refuses.

    Ask the responder's operator for signatures with SHA-256 or better.
    """
    name = answer.response.signature.hash_name
    is_refused = name in answer.question.algorithms.refused_hashes
    return f"the OCSP response is signed with {name}" if is_refused else None


def may_answer(delegate: Parsed) -> bool:
    """Tell whether a certificate says that its holder answers for its issuer (RFC 6960 section 4.2.2.2).

    The usage must be there by its name: neither no usages at all nor anyExtendedKeyUsage are enough.
    """
    usages = delegate.extension(x509.ExtendedKeyUsage)
    return usages is not None and ExtendedKeyUsageOID.OCSP_SIGNING in usages


def hashed(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return a hash; SHA-1 in certificate identifiers only tells names apart."""
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _is_about(single: ocsp.OCSPSingleResponse, certificate: Parsed, issuer: Parsed) -> bool:
    if single.serial_number != certificate.serial_number:
        return False
    try:
        algorithm = single.hash_algorithm
    except UnsupportedAlgorithm:
        return False
    if not isinstance(algorithm, _CERT_ID_HASHES):
        return False
    name = certificate.certificate.issuer.public_bytes()
    return single.issuer_name_hash == hashed(name, algorithm) and single.issuer_key_hash == hashed(
        issuer.public_key_octets, algorithm
    )


def _successful(der: bytes) -> ocsp.OCSPResponse:
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Unreadable(f"the OCSP responder answered {response.response_status.name.lower()}")
    return response


def _readable(ders: list[bytes]) -> list[Parsed]:
    found = []
    for der in ders:
        try:
            found.append(Parsed(der))
        except Unreadable:
            continue
    return found


ANSWER = advice(
    response_extensions_are_known,
    response_answers_the_nonce,
    response_has_begun,
    response_is_current,
    response_signature_is_strong,
)
