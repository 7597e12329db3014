"""Keys: made, loaded, judged, and used to sign. Which algorithms es-pki uses stands here."""

import base64
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509 import CertificateSigningRequestBuilder, load_der_x509_certificate

from es_pki.adapters.x509.weak_keys import EXPONENT, Purpose, weaknesses
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.decider import Violation
from es_pki.values import KeyType, PublicKey

MLDSAPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
PrivateKeyObject = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | MLDSAPrivateKey

RSA_SIZES = {2048: KeyType.RSA_2048, 3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}
CURVES: dict[str, KeyType] = {
    "secp256r1": KeyType.EC_P256,
    "secp384r1": KeyType.EC_P384,
    "secp521r1": KeyType.EC_P521,
}
ML_DSA: dict[KeyType, type[MLDSAPrivateKey]] = {
    KeyType.ML_DSA_44: mldsa.MLDSA44PrivateKey,
    KeyType.ML_DSA_65: mldsa.MLDSA65PrivateKey,
    KeyType.ML_DSA_87: mldsa.MLDSA87PrivateKey,
}

LARGEST_TEXT = 16 * 1024
"""Characters of a public key: an ML-DSA-87 key has 3,500, one of RSA with 8,192 bits 1,400."""


class PrivateKey(NamedTuple):
    """A key pair: the private half in DER PKCS#8, which no text form shows, and the public half.

    An ML-DSA key is its seed of 32 octets, the shortest form and the one that can't contradict itself
    (RFC 9881 section 6).
    """

    pkcs8: bytes
    public_key: PublicKey

    def __repr__(self) -> str:
        """Show the public half's type only."""
        return f"PrivateKey({self.public_key.key_type})"


class SigningKey:
    """A private key in use. It has no text form that shows anything of it."""

    def __init__(self, private: PrivateKeyObject) -> None:
        key_type = key_type_of(private.public_key())
        if key_type is None:
            raise TypeError("es-pki does not sign with keys of this kind")
        self._private = private
        self.key_type = key_type

    def sign(self, data: bytes) -> bytes:
        """Return the signature by the key's algorithm (RFC 8017 section 8.2, FIPS 186-5, RFC 8032, FIPS 204)."""
        match self._private:
            case rsa.RSAPrivateKey():
                return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePrivateKey():
                return self._private.sign(data, ec.ECDSA(signature_hash(self.key_type)))
            case ed25519.Ed25519PrivateKey():
                return self._private.sign(data)
            case mldsa.MLDSA44PrivateKey() | mldsa.MLDSA65PrivateKey() | mldsa.MLDSA87PrivateKey():
                return self._private.sign(data)

    def sign_csr(self, builder: CertificateSigningRequestBuilder) -> bytes:
        """Return the DER CSR for this key, signed by it (RFC 2986)."""
        algorithm = signature_hash(self.key_type) if self.key_type.is_rsa or self.key_type.is_ec else None
        return builder.sign(self._private, algorithm).public_bytes(Encoding.DER)


@cache
def signature_hash(key_type: KeyType) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the hash under a signature by such a key, RSA or EC; Ed25519 and ML-DSA have their own and take none."""
    match key_type:
        case KeyType.EC_P384:
            return hashes.SHA384()
        case KeyType.EC_P521:
            return hashes.SHA512()
        case _:
            return hashes.SHA256()


def blocks_long(key_type: KeyType) -> bool:
    """Tell whether making such a key or signing with it takes longer than handing it to a thread."""
    return key_type not in {KeyType.EC_P256, KeyType.ED25519}


def generate(key_type: KeyType) -> PrivateKey:
    """Make a key pair."""
    private = _generated(key_type)
    return PrivateKey(
        private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        PublicKey(key_type, spki_of(private.public_key())),
    )


@cache
def stand_in(key_type: KeyType) -> PublicKey:
    """Return a public key of the type, to judge a request by before its own key is made.

    For RSA it is any number of the size: finding primes takes longer than the whole request.
    """
    if key_type.is_rsa:
        modulus = (1 << int(key_type.value.removeprefix("rsa-"))) - 1
        return PublicKey(key_type, spki_of(rsa.RSAPublicNumbers(EXPONENT, modulus).public_key()))
    return generate(key_type).public_key


def _generated(key_type: KeyType) -> PrivateKeyObject:
    match key_type:
        case KeyType.RSA_2048 | KeyType.RSA_3072 | KeyType.RSA_4096:
            return rsa.generate_private_key(EXPONENT, int(key_type.value.removeprefix("rsa-")))
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.EC_P521:
            return ec.generate_private_key(ec.SECP521R1())
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case KeyType.ML_DSA_44 | KeyType.ML_DSA_65 | KeyType.ML_DSA_87:
            return ML_DSA[key_type].generate()


def load(pkcs8: bytes) -> SigningKey:
    """Return a key that es-pki made and the key store authenticated, ready to sign. Raises `ValueError`, `TypeError`.

    An RSA key's primes are not tested again: that takes longer than a hundred signatures and holds everybody up.
    """
    private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, PrivateKeyObject):
        raise TypeError("es-pki does not sign with keys of this kind")
    return SigningKey(private)


def belongs_to(pkcs8: bytes, certificate: bytes) -> bool:
    """Tell whether a private key is that of a DER certificate. Raises `ValueError`, `TypeError`."""
    private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    return spki_of(private.public_key()) == spki_of(load_der_x509_certificate(certificate).public_key())


def spki_of(public: PublicKeyTypes) -> bytes:
    """Return a public key's DER SubjectPublicKeyInfo."""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def raw_ed25519(spki: bytes) -> bytes:
    """Return the 32 bytes of an Ed25519 public key (RFC 8032). Raises `TypeError` for another kind of key."""
    public = load_der_public_key(spki)
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise TypeError("no Ed25519 key")
    return public.public_bytes_raw()


def verify_ed25519(public: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether the signature of a public key of 32 bytes over the data holds (RFC 8032)."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def public_key(spki: bytes, field: str) -> PublicKey:
    """Return a public key that may be certified. Raises `Malformed` and `RulesBroken`, naming the field."""
    return judged(read_with(lambda: load_der_public_key(spki), field), field)


def read_public_key(text: str, field: str) -> PublicKeyTypes:
    """Read a public key in PEM, or base64 of a DER SubjectPublicKeyInfo. Raises `Malformed`, naming the field."""
    if len(text) > LARGEST_TEXT:
        raise Malformed.at(field, "public keys are bounded", f"at most {LARGEST_TEXT} characters")
    if "-----BEGIN" in text:
        return read_with(lambda: load_pem_public_key(text.encode()), field)
    return read_with(lambda: load_der_public_key(base64.b64decode("".join(text.split()), validate=True)), field)


def read_with(read: Callable[[], PublicKeyTypes], field: str) -> PublicKeyTypes:
    """Return what reads a public key, whatever its type. Raises `Malformed` for one that is none, naming the field."""
    try:
        return read()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # RSA: an exponent of 1 or even. EC: a point off the curve or no encoding of one, or a curve nobody uses.
        detail = "the public key can't be read: an unknown algorithm or curve, or numbers or a point that no key has"
        raise Malformed.at(field, "RFC 5280 section 4.1.2.7", detail) from None


def spki_of_certificate(certificate: bytes) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a DER certificate. Raises `ValueError`."""
    return spki_of(load_der_x509_certificate(certificate).public_key())


def public_key_of(certificate: bytes, field: str) -> PublicKey:
    """Return the public key of a DER certificate that may be certified again. Raises as `public_key` does."""
    return judged(load_der_x509_certificate(certificate).public_key(), field)


def judged(public: PublicKeyTypes, field: str) -> PublicKey:
    """Return a public key that may be certified. Raises `RulesBroken`, naming the field and each rule."""
    refuse_weak(public, field, Purpose.CERTIFY)
    key_type = key_type_of(public)
    if key_type is None:
        detail = f"keys are one of {', '.join(KeyType)}"
        raise RulesBroken(detail, Violation(field, "key types are known", detail))
    return PublicKey(key_type, spki_of(public))


def refuse_weak(public: PublicKeyTypes, field: str, purpose: Purpose) -> None:
    """Raise `RulesBroken` for a public key that protects nothing, naming the field and each rule."""
    RulesBroken.if_any(Violation(field, *weakness) for weakness in weaknesses(public, purpose))


def key_type_of(public: PublicKeyTypes) -> KeyType | None:
    """Return the type of a key that es-pki makes and certifies, None for others."""
    match public:
        case rsa.RSAPublicKey():
            return RSA_SIZES.get(public.key_size)
        case ec.EllipticCurvePublicKey():
            return CURVES.get(public.curve.name)
        case ed25519.Ed25519PublicKey():
            return KeyType.ED25519
        case mldsa.MLDSA44PublicKey():
            return KeyType.ML_DSA_44
        case mldsa.MLDSA65PublicKey():
            return KeyType.ML_DSA_65
        case mldsa.MLDSA87PublicKey():
            return KeyType.ML_DSA_87
        case _:
            return None


def verify(key: PublicKey, data: bytes, signature: bytes) -> bool:
    """Tell whether a signature by `SigningKey.sign` holds."""
    public = load_der_public_key(key.spki)
    try:
        match public:
            case rsa.RSAPublicKey():
                public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePublicKey():
                public.verify(signature, data, ec.ECDSA(signature_hash(key.key_type)))
            case ed25519.Ed25519PublicKey():
                public.verify(signature, data)
            case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey():
                public.verify(signature, data)
            case _:
                return False
    except InvalidSignature:
        return False
    return True
