"""`es-pki certificate lint` and `authority lint`: what is wrong with a certificate, kept here or in a file."""

from pathlib import Path

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, NAME_OR_ID, Verb, option
from es_pki.adapters.cli.session import Session, print_rows
from es_pki.adapters.cli.verbs.csr import as_text

COLUMNS: list[show.Column] = [
    ("LEVEL", lambda row: row["severity"]),
    ("LINTER", lambda row: row["linter"]),
    ("RULE", lambda row: row["rule"]),
    ("SOURCE", lambda row: row["section"]),
    ("WHAT TO DO", lambda row: row["detail"]),
]


def certificate(session: Session) -> int:
    """List what is wrong with a certificate; 1: there is an error."""
    arguments = session.arguments
    if arguments.certificate == "-" or Path(arguments.certificate).is_file():
        text = as_text(files.read(arguments.certificate))
        return _print(session, session.client.ask("/api/v1/lint", {"certificate": text}))
    path = f"/api/v1/certificates/{segment(arguments.certificate)}/lint"
    return _print(session, session.client.get(path, {**session.as_of(), "version": arguments.version}))


def authority(session: Session) -> int:
    """List what is wrong with an authority's certificate; 1: there is an error."""
    path = f"/api/v1/authorities/{segment(session.arguments.name)}/lint"
    return _print(session, session.client.get(path, session.as_of()))


def _print(session: Session, answer: Object) -> int:
    items = answer["items"]
    rows = items if isinstance(items, list) else []
    print_rows(session, COLUMNS, rows)
    return 1 if any(row["severity"] == "error" for row in rows) else 0


CERTIFICATE = option("certificate", metavar="NAME|FILE", help="its name or id, or a file; - for standard input")
VERSION = option("--version", metavar="NUMBER", help="which (default: the current one)")

VERBS = (
    Verb("certificate lint", certificate, (CERTIFICATE, VERSION, AS_OF)),
    Verb("authority lint", authority, (NAME_OR_ID, AS_OF)),
)
