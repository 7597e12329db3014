"""Questions to an OCSP responder, and what has to hold of every answer."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponse, OCSPResponseStatus
from cryptography.x509.oid import ExtendedKeyUsageOID

from es_pki.adapters.ocsp.identity import key_bits
from es_pki.adapters.x509.der import SEQUENCE, element, sequence
from es_pki.adapters.x509.elements import Elements, only
from tests.serving import Reply, Server

REQUEST = {"Content-Type": "application/ocsp-request"}


class Issued(NamedTuple):
    """A certificate and its issuer."""

    certificate: x509.Certificate
    issuer: x509.Certificate


def issued(server: Server, name: str, authority: str = "intermediate", **more: object) -> Issued:
    """Have a certificate issued."""
    result = server.done("IssueCertificate", name=name, authority=authority, dns_names=[f"{name}.test"], **more)
    return read(result["result"]["certificate_pem"])


def read(chain_pem: str) -> Issued:
    """Return the first two certificates of a chain."""
    certificate, issuer, *_ = x509.load_pem_x509_certificates(chain_pem.encode())
    return Issued(certificate, issuer)


def question(about: Issued, algorithm: hashes.HashAlgorithm | None = None, nonce: bytes | None = None) -> bytes:
    """Return a request about one certificate."""
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(about.certificate, about.issuer, algorithm or hashes.SHA1())  # noqa: S303 - as most clients ask
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def question_about(issuer: x509.Certificate, serial_number: int) -> bytes:
    """Return a request about any serial number of an issuer."""
    name, key = (hashlib.sha1(part, usedforsecurity=False).digest() for part in _hashed(issuer))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial_number, hashes.SHA1())  # noqa: S303 - as most clients ask
    return builder.build().public_bytes(Encoding.DER)


def _hashed(issuer: x509.Certificate) -> tuple[bytes, bytes]:
    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return issuer.subject.public_bytes(), key_bits(spki)


def together(questions: Iterable[bytes]) -> bytes:
    """Return one request about all that these ask about."""
    singles = b"".join(Elements(only(only(one, SEQUENCE), SEQUENCE)).take(SEQUENCE).content for one in questions)
    return sequence(sequence(element(SEQUENCE, singles)))


def ask(server: Server, asked: bytes, authority: str = "intermediate") -> Reply:
    """Send a request by POST."""
    return server.fetch(f"/pki/{authority}/ocsp", REQUEST, asked)


def answer(reply: Reply) -> OCSPResponse:
    """Return the response of an answer."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(reply.body)


def status(reply: Reply, about: Issued) -> OCSPCertStatus:
    """Return the status in an answer that its issuer's delegate signed."""
    response = answer(reply)
    assert response.response_status is OCSPResponseStatus.SUCCESSFUL
    check_delegate(response, about.issuer)
    assert response.serial_number == about.certificate.serial_number
    return response.certificate_status


def check_delegate(response: OCSPResponse, issuer: x509.Certificate) -> None:
    """Require that the one certificate in a response may answer for the issuer, and signed (RFC 6960 4.2.2.2)."""
    (delegate,) = response.certificates
    delegate.verify_directly_issued_by(issuer)
    assert response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(delegate.public_key()).digest
    extensions = delegate.extensions
    assert ExtendedKeyUsageOID.OCSP_SIGNING in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert extensions.get_extension_for_class(x509.OCSPNoCheck)
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert delegate.not_valid_before_utc <= response.produced_at_utc <= delegate.not_valid_after_utc
    for single in response.responses:
        assert single.next_update_utc is not None
        assert single.this_update_utc < single.next_update_utc <= delegate.not_valid_after_utc
    signed_by(response, delegate)


def signed_by(response: OCSPResponse, certificate: x509.Certificate) -> None:
    """Require a certificate's key's signature under a response. Raises `InvalidSignature`."""
    key, data, signature = certificate.public_key(), response.tbs_response_bytes, response.signature
    match key:
        case rsa.RSAPublicKey():
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePublicKey():
            assert response.signature_hash_algorithm is not None
            key.verify(signature, data, ec.ECDSA(response.signature_hash_algorithm))
        case _:
            key.verify(signature, data)  # Ed25519 and ML-DSA
