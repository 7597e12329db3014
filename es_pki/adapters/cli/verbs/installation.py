"""`es-pki serve`, `init`, `log` and `views`: work on a data folder, without a server."""

from base64 import b64encode

from es_pki.adapters.cli import show
from es_pki.adapters.cli.local import Replay
from es_pki.adapters.cli.options import SETTINGS, Verb, option, point
from es_pki.adapters.cli.session import Session, print_rows


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


def verify(session: Session) -> int:
    """Check the log of a data folder against its own evidence; status 1 when anything is wrong."""
    with show.ProgressBars() as progress:
        report = session.local.verify_log(session.settings, progress, deep=session.arguments.deep)
    if session.wants_json:
        findings = [finding._asdict() for finding in report.findings]
        root = b64encode(report.root).decode()
        show.print_json({"size": report.size, "root_hash": root, "findings": findings})
    elif report.findings:
        for finding in report.findings:
            show.say(f"position {finding.position}: {finding.problem}")
    else:
        show.say(f"the log is sound: {report.size} records, root hash {b64encode(report.root).decode()}")
    return 1 if report.findings else 0


def replay(session: Session) -> int:
    """Print a view as it was at a time or position, from the log alone; a replay that was stopped goes on."""
    arguments = session.arguments
    printed = show.JSONItems() if session.wants_json else show.TableOfItems()
    with show.ProgressBars() as progress:
        wanted = Replay(arguments.view, arguments.to)
        position = session.local.replay_view(session.settings, wanted, progress, printed.add)
    printed.end({"view": arguments.view, "position": position})
    return 0


def list_views(session: Session) -> int:
    """Tell how far each view has come."""
    states = session.local.view_states(session.settings)
    return print_rows(session, VIEWS, [dict(state._asdict()) for state in states])


def rebuild(session: Session) -> int:
    """Build views anew from the log; without names, all of them. A rebuild that was stopped goes on."""
    with show.ProgressBars() as progress:
        session.local.rebuild_views(session.settings, session.arguments.names, progress)
    return list_views(session)


VIEWS: list[show.Column] = [
    ("VIEW", lambda row: row["name"]),
    ("VERSION", lambda row: row["version"]),
    ("STATE", lambda row: row["state"]),
    ("CHECKPOINT", lambda row: row["checkpoint"]),
    ("REBUILT TO", lambda row: row["building"]),
    ("LOG SIZE", lambda row: row["log_size"]),
]

DEEP = option(
    "--deep", action="store_true", help="also check what the events say: each signature, intention and reservation"
)

REPLAYED = (
    option("--view", required=True, metavar="VIEW", help="the view; views list names them"),
    option("--to", metavar="TIME|POSITION", type=point, help="RFC 3339 time, day, or log position (default: now)"),
)

VERBS = (
    Verb("serve", serve, SETTINGS),
    Verb("init", init, SETTINGS),
    Verb("log verify", verify, (*SETTINGS, DEEP)),
    Verb("log replay", replay, (*SETTINGS, *REPLAYED)),
    Verb("views list", list_views, SETTINGS),
    Verb("views rebuild", rebuild, (*SETTINGS, option("names", metavar="NAME", nargs="*", help="a view"))),
)
