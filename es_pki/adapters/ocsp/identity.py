"""Which authority a question is about: hashes of its name and key, by whatever algorithm was asked (RFC 6960 4.1.1)."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from es_pki.adapters.ocsp.request import CertID
from es_pki.adapters.x509.der import BIT_STRING, SEQUENCE, object_identifier
from es_pki.adapters.x509.elements import Elements, only

HASHES = {
    object_identifier("1.3.14.3.2.26"): "sha1",
    object_identifier("2.16.840.1.101.3.4.2.4"): "sha224",
    object_identifier("2.16.840.1.101.3.4.2.1"): "sha256",
    object_identifier("2.16.840.1.101.3.4.2.2"): "sha384",
    object_identifier("2.16.840.1.101.3.4.2.3"): "sha512",
    object_identifier("2.16.840.1.101.3.4.2.7"): "sha3_224",
    object_identifier("2.16.840.1.101.3.4.2.8"): "sha3_256",
    object_identifier("2.16.840.1.101.3.4.2.9"): "sha3_384",
    object_identifier("2.16.840.1.101.3.4.2.10"): "sha3_512",
}
"""They hide nothing and prove nothing: SHA-1 is as good as any to say who is meant."""


class Identity:
    """An authority as questions name it. `not_before` is since when it can have issued anything."""

    def __init__(self, certificate: bytes) -> None:
        authority = x509.load_der_x509_certificate(certificate)
        self.not_before: datetime = authority.not_valid_before_utc
        self._name = authority.subject.public_bytes()
        self._key = key_bits(authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        self._hashes: dict[bytes, tuple[bytes, bytes]] = {}

    def is_meant(self, by: CertID) -> bool:
        """Tell whether the question is about a certificate of this authority."""
        return (by.issuer_name_hash, by.issuer_key_hash) == self._hashed(by.hash_algorithm)

    def _hashed(self, algorithm: bytes) -> tuple[bytes, bytes] | None:
        found = self._hashes.get(algorithm)
        if found is None and algorithm in HASHES:
            found = _digest(algorithm, self._name), _digest(algorithm, self._key)
            self._hashes[algorithm] = found
        return found


def key_bits(spki: bytes) -> bytes:
    """Return a key as it is hashed: the BIT STRING of a DER SubjectPublicKeyInfo, without its unused bits' number."""
    fields = Elements(only(spki, SEQUENCE))
    fields.take(SEQUENCE)
    return fields.take(BIT_STRING).content[1:]


def _digest(algorithm: bytes, data: bytes) -> bytes:
    return hashlib.new(HASHES[algorithm], data, usedforsecurity=False).digest()
