"""`es-pki notice`: who is told what expires, fails or differs, and what was told."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, NAME_OR_ID, Verb, filters, option, several
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.intake.requests import (
    AddNoticeChannel,
    RemoveNoticeChannel,
    ReplaceNoticeSecret,
    TestNoticeChannel,
)
from es_pki.values.notices import MailSecurity, NoticeKind

CHANNELS = "/api/v1/notice-channels"
NOTICES = "/api/v1/notices"

SECRET_VARIABLE = "ES_PKI_NOTICE_SECRET"  # noqa: S105 - the name of the variable, no secret


def add_email(session: Session) -> int:
    """Send notices by mail."""
    arguments = session.arguments
    given = {
        "server": arguments.server,
        "sender": arguments.sender,
        "recipients": arguments.recipients,
        "security": arguments.security,
        "username": arguments.username,
    }
    return _add(session, {"kind": "email", **{field: value for field, value in given.items() if value is not None}})


def add_webhook(session: Session) -> int:
    """Post notices to an address, signed."""
    return _add(session, {"kind": "webhook", "url": session.arguments.address})


def add_apprise(session: Session) -> int:
    """Send notices by what apprise knows: its URL is the secret."""
    return _add(session, {"kind": "apprise"})


def replace(session: Session) -> int:
    """Have a channel use another secret."""
    secret = _secret(session)
    if not secret:
        raise Misused(f"the secret is needed: --secret-file FILE, or {SECRET_VARIABLE}")
    return print_object(session, session.send(ReplaceNoticeSecret, {"secret": secret}))


def remove(session: Session) -> int:
    """Send nothing to a channel any more."""
    return print_object(session, session.send(RemoveNoticeChannel))


def test(session: Session) -> int:
    """Send a notice about nothing, now; status 1 when it isn't taken."""
    result = session.send(TestNoticeChannel)
    print_object(session, result)
    return 0 if result["problem"] is None else 1


def channels(session: Session) -> int:
    """List the channels."""
    rows = session.client.items(CHANNELS, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, CHANNEL_COLUMNS, rows)


def one(session: Session) -> int:
    """Show a channel."""
    return print_object(session, session.client.get(f"{CHANNELS}/{segment(session.arguments.name)}", session.as_of()))


def list_all(session: Session) -> int:
    """List the notices: what was sent to whom, and what could not be."""
    rows = session.client.items(NOTICES, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, COLUMNS, rows)


def _add(session: Session, settings: Object) -> int:
    secret = _secret(session)
    further: Object = {"settings": settings, **({"secret": secret} if secret else {})}
    return print_object(session, session.send(AddNoticeChannel, further))


def _secret(session: Session) -> str:
    """Return the secret: from a file or the environment, where no list of processes shows it."""
    file = session.arguments.secret_file
    if file is not None:
        return files.read(file).decode(errors="replace").strip()
    return session.environment.get(SECRET_VARIABLE, "")


CHANNEL_COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("KIND", lambda row: row["kind"]),
    ("ABOUT", lambda row: ", ".join(row["about"]) if isinstance(row["about"], list) and row["about"] else "everything"),
    ("ADDED", lambda row: show.when(row["added_at"])),
    ("BY", lambda row: row["added_by"]),
    ("SECRET SINCE", lambda row: show.when(row["secret_since"])),
]

COLUMNS: list[show.Column] = [
    ("BEGUN", lambda row: show.when(row["begun_at"])),
    ("CHANNEL", lambda row: row["channel"]),
    ("STATUS", lambda row: row["status"]),
    ("NOTICE", lambda row: row["title"]),
    ("ATTEMPT", lambda row: row["attempt"]),
    ("NEXT", lambda row: show.when(row["next_attempt"])),
    ("PROBLEM", lambda row: row["problem"]),
]

CHANNEL = option("channel", metavar="CHANNEL", help="its name or id")
SECRET = option(
    "--secret-file",
    metavar="FILE",
    help=f"file with the password, the key of the HMAC, or apprise's URL (default: {SECRET_VARIABLE})",
)
ABOUT = option(
    "--about",
    action="append",
    choices=[kind.value for kind in NoticeKind if kind is not NoticeKind.TEST],
    help="only these kinds of notices (repeatable)",
)
TRUST_STORE = option("--trust-store", metavar="STORE", help="whose certificates are trusted (default: the system's)")

VERBS = (
    Verb(
        "notice add-email",
        add_email,
        (
            NAME,
            option("--server", required=True, metavar="HOST:PORT", help="the mail server (port: 587, 465 or 25)"),
            option("--security", choices=[each.value for each in MailSecurity], help="default: starttls"),
            option("--username", metavar="NAME", help="who logs in, with the secret as password"),
            option("--from", dest="sender", required=True, metavar="MAILBOX", help="whose mail it is"),
            several("--to", "recipients", "MAILBOX", "who gets it", required=True),
            SECRET,
            ABOUT,
            TRUST_STORE,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb(
        "notice add-webhook",
        add_webhook,
        (
            NAME,
            option("address", metavar="URL", help="where the notices are posted"),
            SECRET,
            ABOUT,
            TRUST_STORE,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("notice add-apprise", add_apprise, (NAME, SECRET, ABOUT, IDEMPOTENCY_KEY)),
    Verb("notice replace-secret", replace, (CHANNEL, SECRET, IDEMPOTENCY_KEY)),
    Verb("notice remove", remove, (CHANNEL, option("--reason", metavar="TEXT", help="why"), IDEMPOTENCY_KEY)),
    Verb("notice test", test, (CHANNEL, IDEMPOTENCY_KEY)),
    Verb("notice channels", channels, (filters("name, kind"), AS_OF)),
    Verb("notice show", one, (NAME_OR_ID, AS_OF)),
    Verb("notice list", list_all, (filters("channel, kind, status, concerns, service"), AS_OF)),
)
