"""Keys: made, loaded, judged, and used to sign. Which algorithms es-pki uses stands here."""

from functools import cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from cryptography.x509 import load_der_x509_certificate

from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.decider import Violation
from es_pki.values import KeyType, PublicKey

PrivateKeyObject = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_SIZES = {2048: KeyType.RSA_2048, 3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}
CURVES: dict[str, KeyType] = {
    "secp256r1": KeyType.EC_P256,
    "secp384r1": KeyType.EC_P384,
    "secp521r1": KeyType.EC_P521,
}
EXPONENT = 65_537


class PrivateKey(NamedTuple):
    """A key pair: the private half in DER PKCS#8, which no text form shows, and the public half."""

    pkcs8: bytes
    public_key: PublicKey

    def __repr__(self) -> str:
        """Show the public half's type only."""
        return f"PrivateKey({self.public_key.key_type})"


class SigningKey:
    """A private key in use. It has no text form that shows anything of it."""

    def __init__(self, private: PrivateKeyObject) -> None:
        self._private = private
        self.key_type = _key_type(private.public_key(), "private_key")

    def sign(self, data: bytes) -> bytes:
        """Return the signature, by the algorithm of the key's type (RFC 8017 section 8.2, FIPS 186-5, RFC 8032)."""
        match self._private:
            case rsa.RSAPrivateKey():
                return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePrivateKey():
                return self._private.sign(data, ec.ECDSA(signature_hash(self.key_type)))
            case ed25519.Ed25519PrivateKey():
                return self._private.sign(data)


@cache
def signature_hash(key_type: KeyType) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the hash under a signature by such a key; Ed25519 has its own and takes none."""
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


def load(pkcs8: bytes) -> SigningKey:
    """Return a key that es-pki made and the key store authenticated, ready to sign. Raises `ValueError`, `TypeError`.

    An RSA key's primes are not tested again: that takes longer than a hundred signatures and holds everybody up.
    """
    private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("es-pki does not sign with keys of this kind")
    return SigningKey(private)


def spki_of(public: PublicKeyTypes) -> bytes:
    """Return a public key's DER SubjectPublicKeyInfo."""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key(spki: bytes, field: str) -> PublicKey:
    """Return a public key that may be certified. Raises `Malformed` and `RulesBroken`, naming the field."""
    try:
        public = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Malformed.at(field, "RFC 5280 section 4.1.2.7", "the public key can't be read") from None
    return judged(public, field)


def public_key_of(certificate: bytes, field: str) -> PublicKey:
    """Return the public key of a DER certificate that may be certified again. Raises as `public_key` does."""
    return judged(load_der_x509_certificate(certificate).public_key(), field)


def judged(public: PublicKeyTypes, field: str) -> PublicKey:
    """Return a public key that may be certified. Raises `RulesBroken`, naming the field."""
    return PublicKey(_key_type(public, field), spki_of(public))


def _key_type(public: PublicKeyTypes, field: str) -> KeyType:
    match public:
        case rsa.RSAPublicKey():
            return _rsa_type(public, field)
        case ec.EllipticCurvePublicKey() if public.curve.name in CURVES:
            return CURVES[public.curve.name]
        case ed25519.Ed25519PublicKey():
            return KeyType.ED25519
        case _:
            raise _weak(field, "RFC 8422 section 5.1.1", f"keys are one of {', '.join(KeyType)}")


def _rsa_type(public: rsa.RSAPublicKey, field: str) -> KeyType:
    if public.public_numbers().e != EXPONENT:
        raise _weak(field, "NIST SP 800-56B section 6.2", f"an RSA key's public exponent is {EXPONENT}")
    if public.key_size not in RSA_SIZES:
        raise _weak(field, "NIST SP 800-57 part 1", f"an RSA key has 2048, 3072 or 4096 bits, not {public.key_size}")
    return RSA_SIZES[public.key_size]


def _weak(field: str, rule: str, detail: str) -> RulesBroken:
    return RulesBroken(detail, Violation(field, rule, detail))


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
            case _:
                return False
    except InvalidSignature:
        return False
    return True
