"""Private keys under a passphrase in PKCS#8 PEM, as strong as today's advice; `cryptography` stops at 2,048 rounds.

PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018 sections 5.2 and 6.2, appendix A.2 and A.4).
"""

import base64
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from es_pki.adapters.x509.der import NULL, OCTET_STRING, element, integer, object_identifier, sequence

ROUNDS = 600_000
"""Of key derivation, as OWASP advises for PBKDF2-HMAC-SHA-256 (2023)."""

PBES2 = object_identifier("1.2.840.113549.1.5.13")
PBKDF2 = object_identifier("1.2.840.113549.1.5.12")
HMAC_WITH_SHA256 = object_identifier("1.2.840.113549.2.9")
AES_256_CBC = object_identifier("2.16.840.1.101.3.4.1.42")

SALT_SIZE, KEY_SIZE, BLOCK_SIZE = 16, 32, 16


def encrypted(pkcs8: bytes, passphrase: str) -> bytes:
    """Return the DER EncryptedPrivateKeyInfo (RFC 5958 section 3) of a DER PKCS#8 key. Takes long: call it in a thread.

    The salt and the initialization vector are fresh, so the same key never gives the same bytes again.
    """
    salt, vector = os.urandom(SALT_SIZE), os.urandom(BLOCK_SIZE)
    key = PBKDF2HMAC(hashes.SHA256(), KEY_SIZE, salt, ROUNDS).derive(passphrase.encode())
    padder = PKCS7(8 * BLOCK_SIZE).padder()
    encryptor = Cipher(AES256(key), CBC(vector)).encryptor()
    ciphertext = encryptor.update(padder.update(pkcs8) + padder.finalize()) + encryptor.finalize()
    return sequence(_algorithm(salt, vector), element(OCTET_STRING, ciphertext))


def encrypted_pem(pkcs8: bytes, passphrase: str) -> str:
    """Return `encrypted` in PEM (RFC 7468 section 11)."""
    text = base64.b64encode(encrypted(pkcs8, passphrase)).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{lines}\n-----END ENCRYPTED PRIVATE KEY-----\n"


def _algorithm(salt: bytes, vector: bytes) -> bytes:
    pseudorandom = sequence(HMAC_WITH_SHA256, NULL)
    derivation = sequence(element(OCTET_STRING, salt), integer(ROUNDS), integer(KEY_SIZE), pseudorandom)
    scheme = sequence(AES_256_CBC, element(OCTET_STRING, vector))
    return sequence(PBES2, sequence(sequence(PBKDF2, derivation), scheme))
