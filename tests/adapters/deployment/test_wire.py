"""What is seen at an address: chains, or why there is none. The servers here are odd; real ones are in test_kinds."""

import asyncio
import contextlib
import ssl

import pytest

from es_pki.adapters.deployment import wire
from es_pki.adapters.x509.formats import fingerprint
from es_pki.events.service import Probe, ProbeProtocol
from tests import openssl


@contextlib.asynccontextmanager
async def answering(answer):
    """Run a server that does `answer` with each connection; yield its address."""

    connections = set()

    async def handled(reader, writer):
        connections.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(handled, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*connections)


@pytest.fixture
def certificate(tmp_path):
    """A context that serves a certificate, and the certificate's fingerprint."""
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ("req", "-x509", "-newkey", "rsa", "-pkeyopt", "rsa_keygen_bits:1024", "-nodes", "-subj", "/CN=x")
    openssl.run(*request, "-keyout", str(key), "-out", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(file, key)
    return context, fingerprint(ssl.PEM_cert_to_DER_cert(file.read_text()))


async def test_imap_begins_tls_after_its_greeting(certificate):
    context, expected = certificate

    async def imap(reader, writer):
        writer.write(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        assert await reader.readline() == b"a STARTTLS\r\n"
        writer.write(b"* CAPABILITY IMAP4rev1\r\na OK begin\r\n")
        await writer.start_tls(context)

    async with answering(imap) as address:
        (leaf,) = await wire.served(Probe(address, ProbeProtocol.IMAP))
    assert fingerprint(leaf) == expected


async def test_a_weak_certificate_over_old_tls_is_seen_too(certificate):
    context, expected = certificate
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def tls(_reader, writer):
        await writer.start_tls(context)

    async with answering(tls) as address:
        assert [fingerprint(each) for each in await wire.served(Probe(address))] == [expected]


@pytest.mark.parametrize(
    ("protocol", "said", "because"),
    [
        (ProbeProtocol.SMTP, b"554 no\r\n", "no greeting: 554 no"),
        (ProbeProtocol.SMTP, b"220 x\r\n250-x\r\n250 y\r\n454 TLS not available\r\n", "STARTTLS is refused: 454 TLS"),
        (ProbeProtocol.SMTP, b"220-" + b"x" * 100_000, "it says more than it is asked"),
        (ProbeProtocol.SMTP, b"220-x\r\n" * 200, "it says more than it is asked"),
        (ProbeProtocol.SMTP, b"220 \x1b[31m\r\n250 x\r\n554 \x1b[0mno\r\n", r"STARTTLS is refused: 554 \?\[0mno"),
        (ProbeProtocol.FTP, b"220 x\r\n530 no\r\n", "AUTH TLS is refused: 530 no"),
        (ProbeProtocol.IMAP, b"* BYE\r\n", "no greeting"),
        (ProbeProtocol.IMAP, b"* OK x\r\na BAD no\r\n", "STARTTLS is refused: a BAD no"),
        (ProbeProtocol.LDAP, bytes.fromhex("300c02010178070a010204000400"), "StartTLS is refused"),
        (ProbeProtocol.POSTGRESQL, b"N", "the server has no TLS"),
        (ProbeProtocol.TLS, b"HTTP/1.1 400 Bad Request\r\n\r\n", "the TLS handshake failed"),
        (ProbeProtocol.TLS, b"", "it ended the connection|connection reset"),
        (ProbeProtocol.SMTP, b"", "it ended the connection"),
    ],
)
async def test_where_tls_does_not_begin_it_is_said_why(protocol, said, because):
    async def odd(reader, writer):
        writer.write(said)
        if said:
            await reader.read()

    async with answering(odd) as address:
        with pytest.raises(wire.Unreachable, match=because):
            await wire.served(Probe(address, protocol))


async def test_a_server_that_says_nothing_is_given_up():
    async def silent(reader, _writer):
        await reader.read()

    async with answering(silent) as address:
        with pytest.raises(wire.Unreachable, match=r"within 0\.2 seconds"):
            await wire.served(Probe(address), 0.2)


async def test_nobody_there_and_no_such_host():
    with pytest.raises(wire.Unreachable, match="connection refused"):
        await wire.served(Probe("127.0.0.1:9"))
    with pytest.raises(wire.Unreachable):
        await wire.served(Probe("nowhere.invalid:443"))
