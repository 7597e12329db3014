"""The process in which `dns-lexicon` works: `python -m es_pki.adapters.dns.lexicon_child`, a task on standard input."""

import importlib
import logging
import sys
from typing import Any

import msgspec

from es_pki.adapters.dns.lexicon import NOT_INSTALLED, Task


def main() -> int:
    """Do the task; return the exit status, and say in one line why it failed."""
    logging.disable(logging.CRITICAL)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        client = importlib.import_module("lexicon.client")
        config = importlib.import_module("lexicon.config")
    except ModuleNotFoundError:
        return NOT_INSTALLED
    try:
        _change(client, config, task)
    except Exception as error:  # noqa: BLE001 - ninety providers raise whatever they like
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


def _change(client: Any, config: Any, task: Task) -> None:  # noqa: ANN401 - modules that may not be installed
    told = {
        "provider_name": task.provider,
        "domain": task.zone,
        "resolve_zone_name": True,  # else it fetches the list of public suffixes to guess the zone
        "ttl": task.ttl_seconds,
        task.provider: task.options,
    }
    with client.Client(config.ConfigResolver().with_dict(told)) as operations:
        if task.verb == "create":
            operations.create_record("TXT", task.name, task.value)
        else:
            operations.delete_record(None, "TXT", task.name, task.value)


if __name__ == "__main__":
    sys.exit(main())
