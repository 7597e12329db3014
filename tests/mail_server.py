"""A real mail server (aiosmtpd) in this process, with TLS and authentication, that remembers what it got."""

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USERNAME, PASSWORD = "es-pki", "Recognisable-password-of-the-mail-server"
NOBODY = "nobody@example.test"
"""A recipient that the server doesn't know."""


class MailServer:
    """What a mail server was sent; `holds` has it keep the last word to itself."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.logins = 0
        self.holds = False
        self.port = 0

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"localhost:{self.port}"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - so does aiosmtpd call it
        """Take every recipient but one."""
        if address == NOBODY:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - see above
        """Take a mail."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        while self.holds:
            await asyncio.sleep(0.01)
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        """Know one user."""
        self.logins += 1
        right = LoginPassword(USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=given == right, handled=False)


@contextlib.asynccontextmanager
async def running(tls: ssl.SSLContext | None, *, at_once: bool = False) -> AsyncIterator[MailServer]:
    """Run a mail server that wants STARTTLS and a login, or speaks TLS `at_once`, or asks for nothing (no `tls`)."""
    server = MailServer()

    def protocol() -> SMTP:
        starttls = None if at_once else tls
        return SMTP(
            server,
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=starttls is not None,
            auth_require_tls=starttls is not None,
            authenticator=server.authenticate,
        )

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if at_once else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.holds = False
        listening.close()
        await listening.wait_closed()


@contextlib.asynccontextmanager
async def saying(*lines: str) -> AsyncIterator[str]:
    """Say a line for each that comes, whatever it is, and hang up behind the last one; yield `HOST:PORT`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()
            heard = await reader.readline()
            while line.startswith("354") and heard not in {b".\r\n", b""}:
                heard = await reader.readline()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await listening.wait_closed()


@contextlib.asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Listen and never say a word; yield `HOST:PORT`."""
    over = asyncio.Event()

    async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    listening = await asyncio.start_server(wait, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        over.set()
        listening.close()
        await listening.wait_closed()
