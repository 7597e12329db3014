"""The server's TLS: its key goes from the key store into memory, never into a file on a disk."""

import os
import secrets
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_private_key,
)

from es_pki.adapters.x509.formats import pem_chain

_DER = 2
"""`_ssl.ENCODING_DER`."""


class ListenerTLS:
    """What a listener's handshakes go by: its own certificate, and whose word counts for clients' certificates.

    `context` is the listener's. With `asks_clients` it hands each handshake on to another one, which is made anew when
    what is trusted changes, since OpenSSL's stores forget nothing. A client may show no certificate; one that nobody
    trusted vouches for ends the handshake.
    """

    def __init__(self, *, asks_clients: bool = False) -> None:
        self.context = self._current = _asking() if asks_clients else server_context()
        self._own: tuple[str, bytes] | None = None
        if asks_clients:
            self.context.sni_callback = self._hand_on

    def use(self, chain_pem: str, pkcs8: bytes) -> None:
        """Serve this certificate from the next handshake on."""
        for context in {self.context, self._current}:
            use(context, chain_pem, pkcs8)
        self._own = chain_pem, pkcs8

    def trust(self, certificates: Sequence[bytes]) -> None:
        """Take clients' certificates by the word of these (DER) alone, from the next handshake on."""
        context = _asking()
        if certificates:
            context.load_verify_locations(cadata=pem_chain(certificates))
        if self._own is not None:
            use(context, *self._own)
        self._current = context

    def _hand_on(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self._current


def _asking() -> ssl.SSLContext:
    """Return a context that asks for clients' certificates. No session is resumed past what it verifies."""
    context = server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def client_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the chain (DER) by which the peer's certificate was verified, empty if it showed none."""
    if sys.version_info >= (3, 13):
        return tuple(tls.get_verified_chain() or ())
    hidden: Any = tls
    verified = hidden._sslobj.get_verified_chain() or ()  # noqa: SLF001 - ADR 0022: 3.11 and 3.12 change no more
    return tuple(certificate.public_bytes(_DER) for certificate in verified)


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
