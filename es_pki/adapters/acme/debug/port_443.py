"""Who answers at port 443 of each address of a name, as a validator of tls-alpn-01 sees it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence

from cryptography import x509

from es_pki.adapters.acme.debug.report import Finding, failed, fine
from es_pki.adapters.acme.tls_alpn_01 import ACME_IDENTIFIER, PROTOCOL, identifier_value
from es_pki.values.acme import server_name

SECONDS = 5.0

ADVICE = "have the port lead to the listener of es-pki (tls_alpn_listen), at least connections by ALPN acme-tls/1"


async def answers(identifier: str, found: Sequence[str], expected: str | None, port: int) -> AsyncIterator[Finding]:
    """Yield who answers at each address; `expected` is the key authorization, None while nothing is to be proved."""
    for finding in await asyncio.gather(*(_answered(identifier, address, expected, port) for address in found)):
        yield finding


async def _answered(identifier: str, address: str, expected: str | None, port: int) -> Finding:
    what = f"port {port} of {identifier} at {address}"
    try:
        async with asyncio.timeout(SECONDS):
            shown = await _shown(address, port, server_name(identifier))
    except ssl.SSLError as error:
        if expected is None and "UNRECOGNIZED_NAME" in str(error.reason):
            return fine(what, "a listener that knows acme-tls/1 answers; the name is not being proved now")
        return failed(what, f"whoever is there refuses: {error.reason}", ADVICE)
    except (OSError, TimeoutError) as error:
        return failed(what, f"nobody answers: {type(error).__name__}", ADVICE)
    if shown is None:
        return failed(what, "whoever is there doesn't speak acme-tls/1", ADVICE)
    if expected is not None and shown == identifier_value(expected):
        return fine(what, "the challenge is answered as it should be")
    return failed(what, "somebody else answers by acme-tls/1", ADVICE)


async def _shown(address: str, port: int, name: str) -> bytes | None:
    """Return the acmeIdentifier that is shown for a name, None by whoever doesn't speak the protocol."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # RFC 8737: it proves what it says itself
    context.set_alpn_protocols([PROTOCOL])
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        tls = writer.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True)
        if tls.selected_alpn_protocol() != PROTOCOL or der is None:
            return None
        return _identifier_in(der)
    finally:
        writer.close()


def _identifier_in(der: bytes) -> bytes:
    try:
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_oid(ACME_IDENTIFIER)
    except (ValueError, x509.ExtensionNotFound):
        return b""
    return extension.value.public_bytes()
