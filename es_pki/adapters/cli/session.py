"""What a verb works with: its arguments, the settings, the server, and the data folder."""

import json
from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path

from es_pki import config
from es_pki.adapters.cli import place, show
from es_pki.adapters.cli.client import Client, Object
from es_pki.adapters.cli.local import Local
from es_pki.adapters.intake.requests import Request

OVERRIDES = frozenset(config.Settings.__struct_fields__) - config.LISTS
"""The settings that are no lists: those take the form of their variables, with commas."""


class Session:
    """One run of the command line. `settings` raises `SettingsRefused`; `client` raises `NoPlace`, `Unreachable`."""

    def __init__(self, arguments: Namespace, environment: Mapping[str, str], local: Local) -> None:
        self.arguments = arguments
        self.local = local
        self.environment = environment
        self._open = ExitStack()

    def close(self) -> None:
        """Close the connection to the server, if there was one."""
        self._open.close()

    @cached_property
    def settings(self) -> config.Settings:
        """Return the settings; what stands on the command line wins."""
        told = {name: value for name, value in vars(self.arguments).items() if isinstance(value, str)}
        environment = dict(self.environment)
        for name in config.LISTS & told.keys():
            environment[config.PREFIX + name.upper()] = told[name]
        return config.load(environment, {name: told[name] for name in OVERRIDES & told.keys()})

    @cached_property
    def client(self) -> Client:
        """Return the server's client."""
        told = place.Told(self.arguments.url, self.arguments.token_file, self.arguments.ca_file)
        client = Client(place.find(told, self.environment, self.settings.folder))
        return self._open.enter_context(closing(client))

    @property
    def wants_json(self) -> bool:
        """Tell whether a program reads the answer."""
        return bool(self.arguments.json)

    def send(self, request: type[Request], further: Mapping[str, object] | None = None) -> Object:
        """Send the command whose fields the arguments and `further` fill in; return its answer's `result`."""
        body = {**body_of(request, self.arguments), **(further or {})}
        answer = self.client.send(request.__name__, body, getattr(self.arguments, "idempotency_key", None))
        result = answer["result"]
        return result if isinstance(result, dict) else {}

    def preview(self, request: type[Request], further: Mapping[str, object]) -> Object:
        """Return what the command would make, with all that speaks against it."""
        body = {**body_of(request, self.arguments), **further}
        return self.client.ask("/api/v1/preview", {"command": request.__name__, "request": body})

    def as_of(self) -> dict[str, str | None]:
        """Return the parameters of a question about the past."""
        return {"as_of": self.arguments.as_of}


def body_of(request: type[Request], arguments: Namespace) -> Object:
    """Return a command's body: the arguments that are named like its fields; the rest gets the server's defaults."""
    given = {field: getattr(arguments, field, None) for field in request.__struct_fields__}
    return {field: value for field, value in given.items() if value is not None and value != []}


def policy_from(file: str) -> Object:
    """Return the JSON object of a file. Raises `Misused`."""
    try:
        policy = json.loads(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise Misused(f"{file}: no JSON: {error}") from error
    if not isinstance(policy, dict):
        raise Misused(f"{file}: no JSON object")
    return policy


class Misused(Exception):
    """The command line can't be understood or done as it stands; the message says why."""


def print_rows(session: Session, columns: list[show.Column], rows: list[Object]) -> int:
    """Show a list."""
    if session.wants_json:
        show.print_json({"items": rows})
    else:
        show.print_table(columns, rows)
    return 0


def print_object(session: Session, value: Object) -> int:
    """Show one thing."""
    if session.wants_json:
        show.print_json(value)
    else:
        show.print_fields(value)
    return 0
