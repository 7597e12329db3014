"""The server's TLS: its key goes from the key store into memory, never into a file on a disk."""

import os
import secrets
import ssl
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_private_key,
)


def server_context() -> ssl.SSLContext:
    """Return a context for servers, TLS 1.2 and newer, still without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def use(context: ssl.SSLContext, chain_pem: str, pkcs8: bytes) -> None:
    """Have the context serve this certificate from the next handshake on.

    OpenSSL's interface takes files only: they are anonymous memory (`memfd_create`), and the key is encrypted in it.
    """
    password = secrets.token_bytes(32).hex().encode()
    key_pem = load_der_private_key(pkcs8, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    chain_file, key_file = _in_memory(chain_pem.encode()), _in_memory(key_pem)
    try:
        context.load_cert_chain(_path(chain_file), _path(key_file), password)
    finally:
        os.close(chain_file)
        os.close(key_file)


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("es-pki", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    return descriptor


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")
