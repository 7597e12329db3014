"""The command line: a client of the API, and the way to work on a data folder without a server.

`parser.py` is the grammar, `verbs/` holds a file for each noun, `place.py` finds the server.
"""

import os
from collections.abc import Sequence

from es_pki.adapters.cli import show
from es_pki.adapters.cli.client import RefusedByServer, Unreachable
from es_pki.adapters.cli.local import Local, LocalFailure
from es_pki.adapters.cli.parser import parse
from es_pki.adapters.cli.place import NoPlace
from es_pki.adapters.cli.session import Misused, Session
from es_pki.config import SettingsRefused
from eventlog import LogError

DONE, REFUSED, FAILED = 0, 1, 2


def run(argv: Sequence[str], local: Local) -> int:
    """Do what the arguments (without the program's name) say; return the exit status."""
    try:
        arguments = parse(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    session = Session(arguments, os.environ, local)
    try:
        status: int = arguments.run(session)
    except RefusedByServer as refused:
        _show_refusal(refused, as_json=session.wants_json)
        return REFUSED
    except (Misused, NoPlace, Unreachable, SettingsRefused, LocalFailure, LogError) as error:
        show.note(show.as_json({"detail": str(error)}, indent=None) if session.wants_json else f"error: {error}")
        return FAILED
    except BrokenPipeError:  # whoever read the output, as head does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return DONE
    except KeyboardInterrupt:
        return DONE if getattr(arguments, "follow", False) else 130
    finally:
        session.close()
    return status


def _show_refusal(refused: RefusedByServer, *, as_json: bool) -> None:
    """Say to standard error what the server said: in JSON its problem document; else nothing is said twice."""
    if as_json:
        show.note(show.as_json(refused.problem or {"detail": refused.detail}, indent=None))
        return
    show.note(f"error: {refused.detail}")
    for field, rule, detail in refused.violations:
        show.note(f"  {field}: {rule}" if detail == refused.detail else f"  {field}: {rule}: {detail}")
