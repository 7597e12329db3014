"""Signatures on certificates, CRLs and OCSP responses: by which algorithm, whether they hold, and what a check costs.

RSA (RFC 4055, RFC 8017), ECDSA and DSA (RFC 5758), Ed25519 and Ed448 (RFC 8410), ML-DSA (RFC 9881).
"""

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.ocsp import OCSPResponse

from es_pki.adapters.x509.weak_keys import LARGEST_RSA

RSASSA_PSS = "1.2.840.113549.1.1.10"
RSA_WITH = "1.2.840.113549.1.1."
ECDSA_WITH = "1.2.840.10045.4."
_DSA = frozenset({"1.2.840.10040.4.3", *(f"2.16.840.1.101.3.4.3.{arc}" for arc in range(1, 5))})
_OWN_HASH: dict[str, type] = {
    "1.3.101.112": ed25519.Ed25519PublicKey,
    "1.3.101.113": ed448.Ed448PublicKey,
    "2.16.840.1.101.3.4.3.17": mldsa.MLDSA44PublicKey,
    "2.16.840.1.101.3.4.3.18": mldsa.MLDSA65PublicKey,
    "2.16.840.1.101.3.4.3.19": mldsa.MLDSA87PublicKey,
}
"""Which key an algorithm that takes no hash goes with."""

QUICK_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
LARGEST_EXPONENT = 1 << 32
LARGEST_DSA = 3072

Scheme = padding.PSS | padding.PKCS1v15 | ec.ECDSA | None


class Signature(NamedTuple):
    """A signature over `data`. `hash` and `scheme` are None where the algorithm has none, or one nobody knows."""

    algorithm: str
    hash: hashes.HashAlgorithm | None
    scheme: Scheme
    value: bytes
    data: bytes

    @property
    def hash_name(self) -> str | None:
        """Return the hash's name, None for algorithms that bring their own."""
        return self.hash.name if self.hash is not None else None


def signature_of(signed: x509.Certificate | x509.CertificateRevocationList, data: bytes) -> Signature:
    """Return the signature of a certificate or CRL whose signed bytes are `data`."""
    algorithm = signed.signature_algorithm_oid.dotted_string
    if algorithm in _OWN_HASH:
        return Signature(algorithm, None, None, signed.signature, data)
    try:
        chosen = signed.signature_hash_algorithm
        parameters = signed.signature_algorithm_parameters if algorithm == RSASSA_PSS else None
    except (UnsupportedAlgorithm, ValueError):
        return Signature(algorithm, None, None, signed.signature, data)
    pss = parameters if isinstance(parameters, padding.PSS) else None
    return Signature(algorithm, chosen, _scheme(algorithm, chosen, pss), signed.signature, data)


def signature_of_response(response: OCSPResponse) -> Signature:
    """Return the signature of an OCSP response. Of RSASSA-PSS its parser tells no parameters: such are not taken."""
    algorithm = response.signature_algorithm_oid.dotted_string
    try:
        chosen = response.signature_hash_algorithm
    except UnsupportedAlgorithm:
        chosen = None
    return Signature(
        algorithm, chosen, _scheme(algorithm, chosen, None), response.signature, response.tbs_response_bytes
    )


def _scheme(algorithm: str, chosen: hashes.HashAlgorithm | None, pss: padding.PSS | None) -> Scheme:
    """Return how the hash was signed, by the algorithm's identifier (RFC 8017 appendix A.2, RFC 5758 section 3.2)."""
    if chosen is None or algorithm == RSASSA_PSS:
        return pss
    if algorithm.startswith(RSA_WITH):
        return padding.PKCS1v15()
    return ec.ECDSA(chosen) if algorithm.startswith(ECDSA_WITH) else None


def cost(key: PublicKeyTypes) -> int:
    """Return how many checks of the budget one by this key takes; 0: none is made, because it could take for ever."""
    match key:
        case rsa.RSAPublicKey():
            bounded = key.key_size <= LARGEST_RSA and key.public_numbers().e <= LARGEST_EXPONENT
            return int(bounded)
        case ec.EllipticCurvePublicKey():
            return 1 if key.curve.name in QUICK_CURVES else 20
        case dsa.DSAPublicKey():
            return 20 if key.key_size <= LARGEST_DSA else 0
        case _:
            return 1


def holds(key: PublicKeyTypes, key_algorithm: str, signature: Signature) -> bool:
    """Tell whether a signature is the key's. `key_algorithm` is the identifier beside the key.

    A key that was certified for RSASSA-PSS makes no other signatures (RFC 4055 section 1.2).
    """
    if key_algorithm == RSASSA_PSS != signature.algorithm:
        return False
    try:
        return _verified(key, signature)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def _verified(key: PublicKeyTypes, signature: Signature) -> bool:
    """Verify, raising `InvalidSignature`; False: the algorithm is none of this key."""
    scheme, chosen = signature.scheme, signature.hash
    match key:
        case rsa.RSAPublicKey() if isinstance(scheme, padding.PSS | padding.PKCS1v15) and chosen is not None:
            key.verify(signature.value, signature.data, scheme, chosen)
        case ec.EllipticCurvePublicKey() if isinstance(scheme, ec.ECDSA):
            key.verify(signature.value, signature.data, scheme)
        case dsa.DSAPublicKey() if signature.algorithm in _DSA and chosen is not None:
            key.verify(signature.value, signature.data, chosen)
        case (
            ed25519.Ed25519PublicKey()
            | ed448.Ed448PublicKey()
            | mldsa.MLDSA44PublicKey()
            | mldsa.MLDSA65PublicKey()
            | mldsa.MLDSA87PublicKey()
        ) if _is_of(key, signature.algorithm):
            key.verify(signature.value, signature.data)
        case _:
            return False
    return True


def _is_of(key: PublicKeyTypes, algorithm: str) -> bool:
    return algorithm in _OWN_HASH and isinstance(key, _OWN_HASH[algorithm])
