"""`es-pki profile`: what certificates are for, and what each must and may say."""

import json
import tomllib

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, NAME_OR_ID, Verb, option
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.cli.verbs.authority import HISTORY
from es_pki.adapters.intake.requests import DefineProfile, RetireProfile

PATH = "/api/v1/profiles"


def list_all(session: Session) -> int:
    """List the profiles, those that are built in first."""
    rows = session.client.get(PATH, session.as_of())["items"]
    return print_rows(session, COLUMNS, rows if isinstance(rows, list) else [])


def one(session: Session) -> int:
    """Show a profile and its terms."""
    return print_object(session, session.client.get(_path(session), session.as_of()))


def history(session: Session) -> int:
    """Tell what happened to a profile."""
    return print_rows(session, HISTORY, session.client.items(f"{_path(session)}/history", session.as_of()))


def define(session: Session) -> int:
    """Define a profile, or its next version, by the terms in a file."""
    terms = terms_from(session.arguments.terms_file)
    return print_object(session, session.send(DefineProfile, {"terms": terms}))


def retire(session: Session) -> int:
    """Have nothing made under a profile any more."""
    return print_object(session, session.send(RetireProfile))


def terms_from(file: str) -> Object:
    """Return the terms in a file: TOML where its name says so, else JSON. Raises `Misused`."""
    content = files.read(file)
    try:
        terms = tomllib.loads(content.decode()) if file.endswith(".toml") else json.loads(content)
    except ValueError as error:
        raise Misused(f"{file}: neither JSON nor, by its name, TOML: {error}") from error
    if not isinstance(terms, dict):
        raise Misused(f"{file}: no JSON object")
    return terms


def _path(session: Session) -> str:
    return f"{PATH}/{segment(session.arguments.name)}"


def _terms(row: show.Row) -> Object:
    terms = row["terms"]
    return terms if isinstance(terms, dict) else {}


def _purposes(row: show.Row) -> str:
    purposes = _terms(row)["extended_key_usages"]
    return ", ".join(purposes) if isinstance(purposes, list) else ""


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("VERSION", lambda row: row["version"]),
    ("STATUS", lambda row: row["status"]),
    ("PURPOSES", _purposes),
    ("DAYS", lambda row: _terms(row)["default_validity_days"]),
    ("DESCRIPTION", lambda row: _terms(row)["description"]),
]

TERMS = option(
    "terms_file", metavar="FILE", help="the terms, in TOML (FILE.toml) or JSON; - for JSON from standard input"
)
PROFILE = option("profile", metavar="NAME", help="its name or id")
REASON = option("--reason", metavar="TEXT", help="why, for the history")

VERBS = (
    Verb("profile list", list_all, (AS_OF,)),
    Verb("profile show", one, (NAME_OR_ID, AS_OF)),
    Verb("profile history", history, (NAME_OR_ID, AS_OF)),
    Verb("profile define", define, (NAME, TERMS, IDEMPOTENCY_KEY)),
    Verb("profile retire", retire, (PROFILE, REASON, IDEMPOTENCY_KEY)),
)
