"""`es-pki certificate`: issue, look at and fetch certificates."""

from datetime import datetime

from es_pki.adapters import clock
from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import (
    ACCOUNT,
    AS_OF,
    AUTHORITY,
    DAYS,
    IDEMPOTENCY_KEY,
    KEY_TYPE,
    NAME,
    NAME_OR_ID,
    OUTPUT,
    PREVIEW,
    PROFILE,
    SUBJECT,
    SUBJECT_ALT_NAMES,
    Verb,
    filters,
    option,
)
from es_pki.adapters.cli.preview import show_preview
from es_pki.adapters.cli.session import Session, print_object, print_rows
from es_pki.adapters.cli.subjects import subject_of
from es_pki.adapters.cli.verbs.authority import HISTORY
from es_pki.adapters.intake.requests import IssueCertificate, SelfSignCertificate

PATH = "/api/v1/certificates"

FORMS = {
    "pem": "application/pem-certificate-chain",
    "der": "application/pkix-cert",
    "pkcs7": "application/pkcs7-mime",
}


def issue(session: Session) -> int:
    """Issue a certificate for a key that the server makes and keeps."""
    files.check(session.arguments.output)
    further = {"subject": subject_of(session.arguments)}
    if session.arguments.preview:
        return show_preview(session, IssueCertificate, further)
    return print_made(session, session.send(IssueCertificate, further))


def self_sign(session: Session) -> int:
    """Make a certificate that signs for itself."""
    files.check(session.arguments.output)
    further = {"subject": subject_of(session.arguments)}
    if session.arguments.preview:
        return show_preview(session, SelfSignCertificate, further)
    return print_made(session, session.send(SelfSignCertificate, further))


def print_made(session: Session, result: Object) -> int:
    """Show a new certificate: its chain where it was asked for, a sentence about it beside it."""
    chain = str(result["certificate_pem"]).encode()
    if session.arguments.output is not None or not session.wants_json:
        files.write(session.arguments.output, chain)
    if session.wants_json:
        show.print_json(result)
    else:
        show.note(
            f"certificate {result['name']}, version {result['version']}, "
            f"serial number {result['serial_number']}, until {result['not_after']}"
        )
    return 0


def list_all(session: Session) -> int:
    """List the certificates."""
    wanted = {**session.as_of(), "finding": session.arguments.finding, **dict(session.arguments.filters or [])}
    rows = session.client.items(PATH, wanted)
    return print_rows(session, columns(clock.now()), rows)


def columns(now: datetime) -> list[show.Column]:
    """Return what a list of certificates shows."""
    return [
        ("NAME", lambda row: row["name"]),
        ("STATUS", lambda row: row["status"]),
        ("VERSION", lambda row: row["version"]),
        ("PROFILE", lambda row: f"{row['profile']} {row['profile_version'] or ''}".strip()),
        ("NAMES", names_of),
        ("KEY", lambda row: row["key_type"]),
        ("SERIAL NUMBER", lambda row: row["serial_number"]),
        ("UNTIL", lambda row: show.when(row["not_after"])),
        ("DAYS LEFT", lambda row: show.days_left(row["not_after"], now)),
        ("OWNER", lambda row: row["owner"]),
        ("LABELS", labels_of),
    ]


def names_of(row: show.Row) -> str:
    """Return the subject alternative names of a row in one line."""
    names = row["subject_alt_names"]
    return ", ".join(name for form in names.values() for name in form) if isinstance(names, dict) else ""


def labels_of(row: show.Row) -> str:
    """Return the labels of a row in one line."""
    labels = row["labels"]
    return ", ".join(f"{key}={value}" for key, value in labels.items()) if isinstance(labels, dict) else ""


def one(session: Session) -> int:
    """Show a certificate: its current version, names, labels and owner."""
    row = session.client.get(_path(session), session.as_of())
    return print_object(session, row if session.wants_json else {**row, "other_versions": _numbers(row)})


def _numbers(row: Object) -> list[object]:
    """Return the numbers of the versions that a row has besides its current one; `versions` tells more of them."""
    others = row["other_versions"]
    return [version["version"] for version in others] if isinstance(others, list) else []


def pem(session: Session) -> int:
    """Print a certificate with its chain (PEM, PKCS#7) or alone (DER)."""
    return _print_form(session, "pem", {"version": session.arguments.version})


def chain(session: Session) -> int:
    """Print the authorities above a certificate, the root last."""
    return _print_form(session, "chain", {})


def history(session: Session) -> int:
    """Tell what happened to a certificate."""
    return print_rows(session, HISTORY, session.client.items(f"{_path(session)}/history", session.as_of()))


def versions(session: Session) -> int:
    """List the versions of a certificate, the oldest first."""
    rows = session.client.get(f"{_path(session)}/versions", session.as_of())["items"]
    return print_rows(session, VERSIONS, rows if isinstance(rows, list) else [])


def _print_form(session: Session, what: str, parameters: dict[str, str | None]) -> int:
    arguments = session.arguments
    body = session.client.raw(f"{_path(session)}/{what}", {**session.as_of(), **parameters}, FORMS[arguments.form])
    files.write(arguments.output, body, is_text=arguments.form == "pem")
    return 0


def _path(session: Session) -> str:
    return path_of(session.arguments.name)


def path_of(name: str) -> str:
    """Return the path of a certificate by its name or id."""
    return f"{PATH}/{segment(name)}"


VERSIONS: list[show.Column] = [
    ("VERSION", lambda row: row["version"]),
    ("CURRENT", lambda row: row["is_current"]),
    ("STATUS", lambda row: row["status"]),
    ("SERIAL NUMBER", lambda row: row["serial_number"]),
    ("FROM", lambda row: show.when(row["not_before"])),
    ("UNTIL", lambda row: show.when(row["not_after"])),
    ("KEY", lambda row: row["key_type"]),
    ("SHA-256", lambda row: row["fingerprint"]),
]

WANTED = (NAME, *SUBJECT, *SUBJECT_ALT_NAMES, *ACCOUNT, PROFILE, KEY_TYPE, DAYS, PREVIEW, OUTPUT, IDEMPOTENCY_KEY)
VERSION = option("--version", metavar="NUMBER", help="which (default: the current one)")
FORM = option("--form", choices=list(FORMS), default="pem", help="the form (default: pem)")
FILTERS = filters("name, status, owner, labels=KEY=VALUE, profile, key_type, …")
FINDING = option(
    "--finding",
    metavar="FINDING",
    help="only these: weak-key, weak-signature, no-alternative-names, chain-incomplete, revoked, held, signing-failed, "
    "expired, not-yet-valid, key-compromised",
)

VERBS = (
    Verb("certificate issue", issue, (AUTHORITY, *WANTED)),
    Verb("certificate self-sign", self_sign, WANTED),
    Verb("certificate list", list_all, (FILTERS, FINDING, AS_OF)),
    Verb("certificate show", one, (NAME_OR_ID, AS_OF)),
    Verb("certificate pem", pem, (NAME_OR_ID, FORM, VERSION, OUTPUT, AS_OF)),
    Verb("certificate chain", chain, (NAME_OR_ID, FORM, OUTPUT, AS_OF)),
    Verb("certificate history", history, (NAME_OR_ID, AS_OF)),
    Verb("certificate versions", versions, (NAME_OR_ID, AS_OF)),
)
