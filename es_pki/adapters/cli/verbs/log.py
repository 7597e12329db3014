"""`es-pki log`: what a server proves about its log, for those who trust nobody. `log verify` is `installation`'s."""

from pathlib import Path

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.export import NotThatLog, bring_up_to_date
from es_pki.adapters.cli.options import IDEMPOTENCY_KEY, OUTPUT, Verb, option
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.intake.requests import RotateLogKey

JSON, TEXT = "application/json", "text/plain"


def checkpoint(session: Session) -> int:
    """Print the log's newest checkpoint, a signed note: kept elsewhere, it shows a rewritten history."""
    files.write(session.arguments.output, session.client.log("checkpoint", None, TEXT))
    return 0


def keys(session: Session) -> int:
    """List the keys that sign the log's checkpoints, the newest last."""
    items = session.client.get("/api/v1/log/keys")["items"]
    return print_rows(session, KEYS, items if isinstance(items, list) else [])


def rotate_key(session: Session) -> int:
    """Have a new key sign the log's checkpoints, beside the key before it."""
    return print_object(session, session.send(RotateLogKey))


def prove(session: Session) -> int:
    """Print the proof that a record is in the log, or that the log of one size continues that of another.

    Of a record it is a tlog-proof, which has its checkpoint in it; with --json or --size it is the API's answer.
    """
    arguments = session.arguments
    if (arguments.position is None) == (arguments.old is None):
        raise Misused("name the position of a record, or two sizes with --from and --to")
    if arguments.old is not None:
        if arguments.size is not None:
            raise Misused("--size goes with a position, --to with --from")
        body = session.client.log("proof/consistency", {"from": arguments.old, "to": arguments.new}, JSON)
    else:
        form = JSON if session.wants_json or arguments.size is not None else TEXT
        body = session.client.log("proof/inclusion", {"position": arguments.position, "size": arguments.size}, form)
    files.write(arguments.output, body if body.endswith(b"\n") else body + b"\n")
    return 0


def export(session: Session) -> int:
    """Copy the log into a folder that any web server can serve; once more, it fetches what is new."""
    folder = Path(session.arguments.folder)
    with show.ProgressBars() as progress:
        try:
            made = bring_up_to_date(folder, session.client.log, lambda *step: progress("tiles", *step))
        except NotThatLog as error:
            show.note(f"error: {error}")
            return 1
    if session.wants_json:
        show.print_json({"folder": str(folder), "origin": made.origin, "size": made.size})
    else:
        show.say(f"{folder} holds the {made.size} records of {made.origin}")
    return 0


KEYS: list[show.Column] = [
    ("POSITION", lambda row: row["position"]),
    ("ADOPTED", lambda row: show.when(row["adopted"])),
    ("STATUS", lambda row: row["status"]),
    ("VKEY", lambda row: row["vkey"]),
]

VERBS = (
    Verb("log checkpoint", checkpoint, (OUTPUT,)),
    Verb(
        "log prove",
        prove,
        (
            option("position", metavar="POSITION", nargs="?", help="of the record"),
            option("--size", metavar="SIZE", help="in the log of so many records (default: the newest checkpoint's)"),
            option("--from", dest="old", metavar="SIZE", help="that a log of so many records"),
            option("--to", dest="new", metavar="SIZE", help="is continued by one of so many (default: all there are)"),
            OUTPUT,
        ),
    ),
    Verb("log export", export, (option("folder", metavar="FOLDER", help="a new folder, or one exported before"),)),
    Verb("log keys", keys),
    Verb("log rotate-key", rotate_key, (IDEMPOTENCY_KEY,)),
)
