"""What a service serves, seen by a new connection: the whole chain as it comes, whoever it is from.

Nothing is verified while looking: an expired or foreign certificate is just what is to be seen. Nothing else is sent.
ADR 0022 tells how the chain is read.
"""

import asyncio
import ssl
import sys
from typing import Any

from es_pki.adapters.deployment.starttls import NoTLS, begin
from es_pki.adapters.deployment.step import said_by
from es_pki.config import host_and_port
from es_pki.events.service import Probe

LOOK_SECONDS = 5.0
"""How long one look may take, from the first packet to the end of the handshake."""

_DER = 2
"""`_ssl.ENCODING_DER`."""


class Unreachable(Exception):
    """No certificate is to be seen there; the message is for people."""


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # weak keys are to be seen too
    return context


CONTEXT = _context()


async def served(probe: Probe, seconds: float = LOOK_SECONDS) -> tuple[bytes, ...]:
    """Return the certificates (DER) that a service serves, its own first. Raises `Unreachable`."""
    host, port = host_and_port(probe.address, "probe.address")
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                await begin(probe.protocol, reader, writer)
                return await _handshake(reader, writer, probe.server_name or host)
            finally:
                writer.close()
    except TimeoutError:
        raise Unreachable(f"no certificate within {seconds:g} seconds") from None
    except (NoTLS, asyncio.IncompleteReadError) as error:
        raise Unreachable(str(error) if isinstance(error, NoTLS) else "it ended the connection") from None
    except ssl.SSLError as error:
        raise Unreachable(f"the TLS handshake failed: {error.reason or 'no reason'}") from None
    except OSError as error:
        raise Unreachable(said_by(error)) from None


async def _handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> tuple[bytes, ...]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = CONTEXT.wrap_bio(incoming, outgoing, server_hostname=name)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            piece = await reader.read(64 * 1024)
            if not piece:
                raise Unreachable("it ended the connection in the TLS handshake") from None
            incoming.write(piece)
        else:
            writer.write(outgoing.read())
            return _chain(tls)


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the chain as the server sent it: public from Python 3.13 on, there under another name before."""
    if sys.version_info >= (3, 13):
        return tuple(tls.get_unverified_chain())
    hidden: Any = tls
    sent = hidden._sslobj.get_unverified_chain() or ()  # noqa: SLF001 - ADR 0022: 3.11 and 3.12 change no more
    return tuple(certificate.public_bytes(_DER) for certificate in sent)
