"""`es-pki status`, `calendar` and `events`: how things stand, what expires, what happened."""

from collections.abc import Iterable
from datetime import datetime

from es_pki.adapters import clock
from es_pki.adapters.cli import show
from es_pki.adapters.cli.client import Object, Parameters
from es_pki.adapters.cli.months import months
from es_pki.adapters.cli.options import AS_OF, Verb, option, several
from es_pki.adapters.cli.session import Session, print_rows

NEXT = 10
"""Expiries that the status shows."""


def status(session: Session) -> int:
    """Tell whether the server is ready, which authorities there are, and what expires next."""
    client = session.client
    ready = client.readiness()
    authorities = client.items("/api/v1/authorities", {})
    expiries = client.items("/api/v1/calendar", {}, limit=NEXT)
    if session.wants_json:
        show.print_json({"server": ready, "authorities": authorities, "expiries": expiries})
    else:
        show.print_fields({"server": ready.get("status"), **ready, "status": None})
        for row in authorities:
            show.say(f"authority {row['name']}: {row['status']}, until {show.when(row['not_after'])}")
        show.print_table(expiry_columns(clock.now()), expiries)
    return 0 if ready.get("status") == "ready" else 1


def calendar(session: Session) -> int:
    """List what expires, soonest first."""
    arguments = session.arguments
    wanted = {"owner": arguments.owner, "labels": arguments.label}
    parameters = {**session.as_of(), "from": arguments.start, "to": arguments.end, **wanted}
    rows = session.client.items("/api/v1/calendar", parameters)
    if not arguments.months or session.wants_json:
        return print_rows(session, expiry_columns(clock.now()), rows)
    for text in months(rows):
        show.say(text)
    return 0


def events(session: Session) -> int:
    """Print what happened, one record a line; --follow goes on as it happens."""
    arguments = session.arguments
    parameters: Parameters = {"after": arguments.after, "type": arguments.types}
    records: Iterable[Object]
    if arguments.follow:
        live = session.client.live_records(parameters)
        records = (record for record in live if arguments.stream in {None, record["stream"]})
    else:
        records = session.client.records({**parameters, "stream": arguments.stream})
    for record in records:
        if session.wants_json:
            show.print_json(record, indent=None)
        else:
            show.say(line(record))
    return 0


def line(record: Object) -> str:
    """Return a record in one line."""
    metadata = record["metadata"]
    actor = metadata.get("actor", "") if isinstance(metadata, dict) else ""
    return f"{record['position']:>8}  {record['time']}  {actor}  {record['type']}  {record['stream']}"


def expiry_columns(now: datetime) -> list[show.Column]:
    """Return what a list of expiries, and of revocations that are planned, shows."""
    return [
        ("ENDS", lambda row: show.when(row["at"])),
        ("DAYS LEFT", lambda row: show.days_left(row["at"], now)),
        ("WHAT", lambda row: f"{row['kind']} {'expires' if row['what'] == 'expiry' else 'is revoked'}"),
        ("NAME", lambda row: row["name"]),
        ("VERSION", lambda row: row["version"]),
        ("SERIAL NUMBER", lambda row: row["serial_number"]),
        ("HELD UP BY", lambda row: ", ".join(row["held_up_by"])),
    ]


VERBS = (
    Verb("status", status),
    Verb(
        "calendar",
        calendar,
        (
            option("--from", dest="start", metavar="TIME", help="from then on (default: now)"),
            option("--to", dest="end", metavar="TIME", help="until then (default: for ever)"),
            option("--months", action="store_true", help="as the pages of a calendar"),
            option("--owner", metavar="TEXT", help="only what belongs to this owner"),
            option("--label", metavar="NAME=VALUE", help="only what has this label"),
            AS_OF,
        ),
    ),
    Verb(
        "events",
        events,
        (
            option("--after", metavar="POSITION", help="those after this position of the log"),
            option("--stream", metavar="STREAM", help="those of this stream"),
            several("--type", "types", "TYPE", "those of this type"),
            option("--follow", action="store_true", help="go on as things happen, until interrupted"),
        ),
    ),
)
