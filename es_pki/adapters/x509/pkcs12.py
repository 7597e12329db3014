"""PKCS#12 files (RFC 7292): a key with its chain under a passphrase, and trust stores as Java takes them.

`cryptography` writes them, but their MAC always with 2,048 rounds, whatever the key's: guessing the passphrase by the
MAC would be some hundred times quicker than by the key. So every file gets another MAC here (section 4, appendix B).
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)

from es_pki.adapters.x509.der import (
    EXPLICIT_0,
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    content,
    element,
    integer,
    object_identifier,
    sequence,
)
from es_pki.adapters.x509.pkcs8 import ROUNDS

LEGACY_ROUNDS = 50_000
"""For devices that know nothing better than SHA-1 and 3DES: their processors are slow, too."""

TRUST_STORE_PASSWORD = "changeit"  # noqa: S105 - everybody's: Java's default, it protects nothing
TRUST_STORE_ROUNDS = 10_000

SALT_SIZE = 16
MAC_KEY = b"\x03"
BLOCK_SIZE = 64


PrivateKeyObject = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)


class _Digest(NamedTuple):
    """A hash and its object identifier in DER."""

    name: str
    identifier: bytes


class _Strength(NamedTuple):
    """How a file is encrypted, and the hash and the rounds of its MAC's key."""

    encryption: PBES
    digest: _Digest
    rounds: int


SHA256 = _Digest("sha256", object_identifier("2.16.840.1.101.3.4.2.1"))
SHA1 = _Digest("sha1", object_identifier("1.3.14.3.2.26"))

STRONG = _Strength(PBES.PBESv2SHA256AndAES256CBC, SHA256, ROUNDS)
LEGACY = _Strength(PBES.PBESv1SHA1And3KeyTripleDESCBC, SHA1, LEGACY_ROUNDS)


def key_and_chain(
    name: str, pkcs8: bytes, certificates: Sequence[bytes], passphrase: str, *, legacy: bool = False
) -> bytes:
    """Return a file with a key, its certificate (the first) and the others. Takes long: call it in a thread.

    `name` is its friendly name. AES-256 with PBKDF2-HMAC-SHA-256; `legacy`: 3DES with SHA-1. Raises `TypeError` for a
    key that no such file is written with (`formats.check_fits_pkcs12`).
    """
    private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, PrivateKeyObject):
        raise TypeError("no PKCS#12 file is written with keys of this kind")
    strength = LEGACY if legacy else STRONG
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(strength.rounds)
    encryption = builder.key_cert_algorithm(strength.encryption).build(passphrase.encode())
    leaf, *others = map(x509.load_der_x509_certificate, certificates)
    file = serialize_key_and_certificates(name.encode(), private, leaf, others, encryption)
    return _with_mac(file, passphrase, strength.digest, salt=os.urandom(SALT_SIZE), rounds=strength.rounds)


def trust_store(certificates: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a file of named certificates that Java trusts for every purpose; the same for the same certificates.

    Nothing in it is secret, so nothing is encrypted, and the MAC that Java wants is made with `TRUST_STORE_PASSWORD`.
    """
    named = [PKCS12Certificate(x509.load_der_x509_certificate(der), name.encode()) for name, der in certificates]
    file = serialize_java_truststore(named, NoEncryption())
    salt = hashlib.sha256(_authenticated(file)[1]).digest()[:SALT_SIZE]
    return _with_mac(file, TRUST_STORE_PASSWORD, SHA256, salt=salt, rounds=TRUST_STORE_ROUNDS)


def _with_mac(file: bytes, passphrase: str, digest: _Digest, *, salt: bytes, rounds: int) -> bytes:
    """Return the file with this MAC in place of its own (section 4: MacData)."""
    head, safe = _authenticated(file)
    mac = hmac.digest(_mac_key(digest, passphrase, salt, rounds), safe, digest.name)
    digest_info = sequence(sequence(digest.identifier, NULL), element(OCTET_STRING, mac))
    return sequence(head, sequence(digest_info, element(OCTET_STRING, salt), integer(rounds)))


def _authenticated(file: bytes) -> tuple[bytes, bytes]:
    """Return the file's version and ContentInfo as they stand, and the octets in it that its MAC is over."""
    start, _ = content(file, 0, SEQUENCE)
    _, info = content(file, start, INTEGER)
    inner, end = content(file, info, SEQUENCE)
    _, explicit = content(file, inner, OBJECT_IDENTIFIER)
    octets, _ = content(file, explicit, EXPLICIT_0)
    begin, stop = content(file, octets, OCTET_STRING)
    return file[start:end], file[begin:stop]


def _mac_key(digest: _Digest, passphrase: str, salt: bytes, rounds: int) -> bytes:
    """Derive the MAC's key (appendix B.2): as long as the hash's output, so that one pass makes it whole."""
    password = passphrase.encode("utf-16-be") + b"\0\0"
    derived = MAC_KEY * BLOCK_SIZE + _filled(salt) + _filled(password)
    hashed: Callable[[bytes], hashlib._Hash] = getattr(hashlib, digest.name)
    for _ in range(rounds):
        derived = hashed(derived).digest()
    return derived


def _filled(octets: bytes) -> bytes:
    """Return the octets, repeated until they fill whole blocks."""
    size = -(-len(octets) // BLOCK_SIZE) * BLOCK_SIZE
    return (octets * size)[:size]
