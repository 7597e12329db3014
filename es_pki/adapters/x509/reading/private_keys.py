"""Private keys from elsewhere: opened with their passphrase, checked, and brought into DER PKCS#8 (RFC 5958)."""

from collections.abc import Callable

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from es_pki.adapters.x509.reading.armour import Kind, Part
from es_pki.adapters.x509.reading.derivation import check_work
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.decider import Refused, Violation

LARGEST_RSA = 4096
"""Bits of a private RSA key: checking a larger one takes seconds."""

FIELD = "private_key"

KeptKey = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
    | x448.X448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
"""Private keys that are taken."""

_PROBE = b"whether this private key and this public key are two halves of one"


class PassphraseWrong(Refused):
    """The passphrase doesn't open the key or file, or there is none where one is needed. Send the right one."""


def wrong_passphrase(detail: str) -> PassphraseWrong:
    """Return the refusal, which names the field."""
    return PassphraseWrong(detail, Violation("passphrase", "what is encrypted has a passphrase", detail))


def read_private_key(part: Part, passphrase: str | None, field: str = FIELD) -> KeptKey:
    """Open a private key. Raises `Malformed`, `RulesBroken` and `PassphraseWrong`; never repeats what was sent."""
    match part.kind:
        case Kind.FOREIGN_KEY:
            detail = "this is a key in OpenSSH's own form: `ssh-keygen -p -m PKCS8` brings it into another"
            raise Malformed.at(field, "RFC 5958", detail)
        case Kind.ENCRYPTED_KEY:
            return _decrypted(part, passphrase, field)
        case _:
            # A PEM label may lie, and an unencrypted label hide an encrypted key: then there is no reading it.
            return checked(
                lambda skip: load_der_private_key(part.der, None, unsafe_skip_rsa_key_validation=skip), field
            )


def _decrypted(part: Part, passphrase: str | None, field: str) -> KeptKey:
    if passphrase is None:
        raise wrong_passphrase("the private key is encrypted: send its passphrase")
    secret = passphrase.encode()
    if part.armoured:
        return checked(lambda skip: _of_old_pem(part.armoured, secret, skip=skip), field, is_encrypted=True)
    try:
        check_work(part.der, field)
    except ValueError:
        raise Malformed.at(field, "RFC 5958 section 3", "this is no well-formed encrypted private key") from None
    return checked(
        lambda skip: load_der_private_key(part.der, secret, unsafe_skip_rsa_key_validation=skip),
        field,
        is_encrypted=True,
    )


def _of_old_pem(block: bytes, passphrase: bytes, *, skip: bool) -> PrivateKeyTypes:
    return load_pem_private_key(block, passphrase, unsafe_skip_rsa_key_validation=skip)


def checked(load: Callable[[bool], PrivateKeyTypes], field: str, *, is_encrypted: bool = False) -> KeptKey:
    """Return a private key whose numbers were checked, and which is not larger than those that are kept.

    `load` is told whether to leave out the check of an RSA key: how large it is must be known before.
    """
    try:
        private = load(True)
        if isinstance(private, rsa.RSAPrivateKey):
            _check_size(private, field)
            private = load(False)
    except (ValueError, TypeError, InternalError, UnsupportedAlgorithm) as error:
        if is_encrypted and not isinstance(error, UnsupportedAlgorithm):
            raise wrong_passphrase("the passphrase doesn't open the private key, or the key is damaged") from None
        raise Malformed.at(field, "RFC 5958", "this is no well-formed private key of a kind that is known") from None
    if not isinstance(private, KeptKey):
        raise Malformed.at(field, "RFC 5958", "keys of this kind can't be kept here")
    return private


def _check_size(private: rsa.RSAPrivateKey, field: str) -> None:
    if private.key_size > LARGEST_RSA:
        detail = f"a private RSA key has at most {LARGEST_RSA} bits here, not {private.key_size}"
        raise RulesBroken(detail, Violation(field, "keys are bounded", detail))


def pkcs8_of(private: KeptKey) -> bytes:
    """Return a private key in DER PKCS#8, unencrypted; an ML-DSA key as its seed."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def is_other_half(private: KeptKey, public: PublicKeyTypes) -> bool:
    """Tell whether a private key belongs to a public key: by their numbers, and by a signature where it can sign."""
    if private.public_key() != public:
        return False
    try:
        match (private, public):
            case (rsa.RSAPrivateKey(), rsa.RSAPublicKey()):
                signature = private.sign(_PROBE, padding.PKCS1v15(), hashes.SHA256())
                public.verify(signature, _PROBE, padding.PKCS1v15(), hashes.SHA256())
            case (ec.EllipticCurvePrivateKey(), ec.EllipticCurvePublicKey()):
                public.verify(private.sign(_PROBE, ec.ECDSA(hashes.SHA256())), _PROBE, ec.ECDSA(hashes.SHA256()))
            case (dsa.DSAPrivateKey(), dsa.DSAPublicKey()):
                public.verify(private.sign(_PROBE, hashes.SHA256()), _PROBE, hashes.SHA256())
            case (
                ed25519.Ed25519PrivateKey()
                | ed448.Ed448PrivateKey()
                | mldsa.MLDSA44PrivateKey()
                | mldsa.MLDSA65PrivateKey()
                | mldsa.MLDSA87PrivateKey(),
                ed25519.Ed25519PublicKey()
                | ed448.Ed448PublicKey()
                | mldsa.MLDSA44PublicKey()
                | mldsa.MLDSA65PublicKey()
                | mldsa.MLDSA87PublicKey(),
            ):
                public.verify(private.sign(_PROBE), _PROBE)
            case _:
                pass  # it can only agree on keys: its public half was computed from it
    except (InvalidSignature, ValueError):
        return False
    return True
