"""The process in which `apprise` works: `python -m es_pki.adapters.notices.apprise_child`, a task on standard input."""

import importlib
import sys
from typing import Any

import msgspec

from es_pki.adapters.notices.by_apprise import NOT_INSTALLED, Task


def main() -> int:
    """Do the task; return the exit status, and say in one line why it failed."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        apprise = importlib.import_module("apprise")
    except ModuleNotFoundError:
        return NOT_INSTALLED
    try:
        said = _sent(apprise, task)
    except Exception as error:  # noqa: BLE001 - a hundred plugins raise whatever they like
        said = f"{type(error).__name__}: {error}"
    if said:
        sys.stdout.write(f"{said}\n")
    return 1 if said else 0


def _sent(apprise: Any, task: Task) -> str:  # noqa: ANN401 - a module that may not be installed
    """Send; return why that failed, "" when it didn't."""
    channels = apprise.Apprise()
    with apprise.LogCapture(level=apprise.logging.WARNING) as told:
        if not channels.add(task.url):
            return "it knows no such URL"
        if not channels.notify(title=task.title, body=task.text):
            return str(told.getvalue()).strip() or "it did not say why"
    return ""


if __name__ == "__main__":
    sys.exit(main())
