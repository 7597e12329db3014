"""`es-pki serve`, `init`, `token recover`, `log` and `views`: work on a data folder, without a server."""

from base64 import b64encode
from collections.abc import Sequence

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.files import SecretFile
from es_pki.adapters.cli.local import Kept
from es_pki.adapters.cli.options import NAME, SETTINGS, Verb, option, several
from es_pki.adapters.cli.session import Misused, Session, print_rows
from eventlog import note


def serve(session: Session) -> int:
    """Run the server; an empty data folder is set up first."""
    return session.local.serve(session.settings)


def init(session: Session) -> int:
    """Set a data folder up: master key, administrator's token, first authorities."""
    session.local.set_up(session.settings)
    settings = session.settings
    if session.wants_json:
        show.print_json({"data_dir": settings.data_dir, "token_file": str(settings.token_file)})
    else:
        show.say(f"{settings.data_dir} is set up; the administrator's token lies in {settings.token_file}")
    return 0


def recover(session: Session) -> int:
    """Let a new administrator in when no token opens any more; takes the data folder and the master key."""
    file = session.arguments.output
    with SecretFile(file) as secret:
        secret.write(session.local.let_administrator_in(session.settings, session.arguments.name))
    show.note(f"the token of {session.arguments.name} lies in {file}; it is kept nowhere else")
    return 0


def verify(session: Session) -> int:
    """Check the log of a data folder against its own evidence; status 1 when anything is wrong."""
    arguments = session.arguments
    kept = None if arguments.against is None else kept_checkpoint(arguments.against, arguments.keys or ())
    with show.ProgressBars() as progress:
        report = session.local.verify_log(session.settings, progress, deep=arguments.deep, kept=kept)
    if session.wants_json:
        findings = [finding._asdict() for finding in report.findings]
        root = b64encode(report.root).decode()
        show.print_json({"size": report.size, "root_hash": root, "findings": findings})
    elif report.findings:
        for finding in report.findings:
            show.say(f"{f'position {finding.position}' if finding.position else 'the log'}: {finding.problem}")
    else:
        show.say(f"the log is sound: {report.size} records, root hash {b64encode(report.root).decode()}")
    return 1 if report.findings else 0


def kept_checkpoint(file: str, vkeys: Sequence[str]) -> Kept:
    """Return the checkpoint of a file and the keys to trust for it. Raises `Misused`."""
    try:
        text = files.read(file).decode()
        note.checkpoint_of(note.parts(text)[0])
    except ValueError as error:
        raise Misused(f"{file}: no checkpoint: {error}") from error
    try:
        return Kept(text, tuple(map(note.verifier_key, vkeys)))
    except note.NoteRefused as error:
        raise Misused(f"--key: {error}") from error


def list_views(session: Session) -> int:
    """Tell how far each view has come."""
    states = session.local.view_states(session.settings)
    return print_rows(session, VIEWS, [dict(state._asdict()) for state in states])


def rebuild(session: Session) -> int:
    """Build views anew from the log; without names, all of them."""
    with show.ProgressBars() as progress:
        session.local.rebuild_views(session.settings, session.arguments.names, progress)
    return list_views(session)


VIEWS: list[show.Column] = [
    ("VIEW", lambda row: row["name"]),
    ("VERSION", lambda row: row["version"]),
    ("CHECKPOINT", lambda row: row["checkpoint"]),
    ("LOG SIZE", lambda row: row["log_size"]),
]

DEEP = option(
    "--deep", action="store_true", help="also check what the events say: each signature, intention and reservation"
)
AGAINST = option("--against", metavar="FILE", help="also check that the log continues this checkpoint, kept elsewhere")
KEY = several("--key", "keys", "VKEY", "trust this key for the checkpoint instead of those the log tells of")

VERBS = (
    Verb("serve", serve, SETTINGS),
    Verb("init", init, SETTINGS),
    Verb(
        "token recover",
        recover,
        (NAME, option("-o", "--output", required=True, metavar="FILE", help="a new file (0600)"), *SETTINGS),
    ),
    Verb("log verify", verify, (*SETTINGS, DEEP, AGAINST, KEY)),
    Verb("views list", list_views, SETTINGS),
    Verb("views rebuild", rebuild, (*SETTINGS, option("names", metavar="NAME", nargs="*", help="a view"))),
)
