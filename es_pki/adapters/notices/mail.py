"""Notices by mail: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS at once, and authentication (RFC 4954)."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from es_pki.adapters.notices.message import Message, Undelivered, one_line
from es_pki.adapters.redaction import without
from es_pki.values.dns import host_and_port
from es_pki.values.notices import Email, MailSecurity

SECONDS = 30.0
"""How long a mail server may take from the connection to its last word."""

GOODBYE_SECONDS = 2.0

PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}


async def send(settings: Email, secret: bytes, trusting: ssl.SSLContext | None, message: Message) -> str:
    """Hand a message to the mail server; return what it didn't take, "" for nothing. Raises `Undelivered`."""
    host, port = host_and_port(settings.server, PORTS[settings.security])
    server = aiosmtplib.SMTP(
        hostname=host,
        port=port,
        use_tls=settings.security is MailSecurity.TLS,
        start_tls=settings.security is MailSecurity.STARTTLS,
        tls_context=trusting or ssl.create_default_context(),
        local_hostname=socket.gethostname(),  # it would ask the DNS for a better one, and wait
        timeout=SECONDS,
    )
    is_handed_over = False
    try:
        async with asyncio.timeout(SECONDS):
            await server.connect()
            if settings.username:
                await server.login(settings.username, secret.decode())
            await server.mail(settings.sender)
            refused = await _refused(server, settings.recipients)
            is_handed_over = True
            await server.data(_mail(settings, message).as_bytes())
    except aiosmtplib.SMTPResponseException as error:
        if error.code < 0:  # what it said was no SMTP, whatever it meant
            raise _undelivered(error.message, secret, in_doubt=is_handed_over) from None
        raise _undelivered(f"{error.code} {error.message}", secret) from None
    except TimeoutError:
        reason = f"the mail server did not answer within {SECONDS:.0f} seconds"
        raise Undelivered(reason, in_doubt=is_handed_over) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _undelivered(_why(error), secret, in_doubt=is_handed_over) from None
    else:
        with contextlib.suppress(aiosmtplib.SMTPException, TimeoutError):  # it has the message
            await server.quit(timeout=GOODBYE_SECONDS)
    finally:
        server.close()
    return refused


async def _refused(server: aiosmtplib.SMTP, recipients: Sequence[str]) -> str:
    """Name the recipients; return those that are refused and why. Raises the refusal when all are."""
    refused = []
    for recipient in recipients:
        try:
            await server.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as refusal:
            refused.append(f"{recipient}: {refusal.code} {refusal.message}")
            if len(refused) == len(recipients):
                raise
    return one_line("; ".join(refused))


def _mail(settings: Email, message: Message) -> EmailMessage:
    """Return the mail: its id is the notice's, and no other machine answers it (RFC 3834)."""
    mail = EmailMessage(SMTP.clone(cte_type="7bit"))  # not every server takes octets
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    mail["Subject"] = f"[es-pki] {message.occasion.title}"
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@{settings.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message.occasion.title}.\n\n{message.occasion.text}\n")
    return mail


def _why(error: Exception) -> str:
    """Return what went wrong: below TLS the library only tells that there was no connection."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    match cause:
        case aiosmtplib.SMTPServerDisconnected():
            return "the mail server closed the connection"
        case ssl.SSLCertVerificationError(verify_message=said):
            return f"the mail server's certificate isn't trusted: {said}"
        case ssl.SSLError(reason=said):
            return f"no TLS with the mail server: {said}"
        case OSError(strerror=str(said)):
            return f"no connection to the mail server: {said}"
        case _:
            return f"{type(error).__name__}: {error}"


def _undelivered(said: str, secret: bytes, *, in_doubt: bool = False) -> Undelivered:
    """Return the failure: what a mail server says could be anything, the password too."""
    return Undelivered(without(secret, said), in_doubt=in_doubt)
