"""`es-pki key`: which keys are compromised, and what uses them."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, Verb, filters, option
from es_pki.adapters.cli.session import Session, print_rows
from es_pki.adapters.cli.verbs.csr import as_text
from es_pki.adapters.intake.requests import ReportKeyCompromise

USES = "/api/v1/key-uses"


def report(session: Session) -> int:
    """Block a compromised key for ever, and list what uses it."""
    file = session.arguments.public_key_file
    result = session.send(ReportKeyCompromise, {"public_key": as_text(files.read(file))} if file else {})
    rows = session.client.items(USES, {"public_key_hash": str(result["public_key_hash"])})
    if session.wants_json:
        show.print_json({**result, "uses": rows})
        return 0
    show.note(f"the key {result['public_key_hash']} is blocked; what uses it is revoked, and to be replaced:")
    return print_rows(session, COLUMNS, rows)


def list_compromised(session: Session) -> int:
    """List the compromised keys."""
    return print_rows(session, COMPROMISED, session.client.items("/api/v1/key-compromises", session.as_of()))


def list_uses(session: Session) -> int:
    """List what uses which key: authorities, every version of the certificates, and CSRs."""
    parameters = {**session.as_of(), **dict(session.arguments.filters or [])}
    return print_rows(session, COLUMNS, session.client.items(USES, parameters))


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("WHAT", lambda row: row["kind"]),
    ("VERSION", lambda row: row["version"]),
    ("KEY", lambda row: row["key_type"]),
    ("SERIAL NUMBER", lambda row: row["serial_number"]),
    ("UNTIL", lambda row: show.when(row["not_after"])),
    ("REVOKED", lambda row: row["revoked"]),
    ("SHA-256 OF THE KEY", lambda row: row["public_key_hash"]),
]

COMPROMISED: list[show.Column] = [
    ("SHA-256 OF THE KEY", lambda row: row["public_key_hash"]),
    ("SINCE", lambda row: show.when(row["reported_at"])),
    ("REPORTED BY", lambda row: row["reported_by"]),
    ("REASON", lambda row: row["reason"]),
]

VERBS = (
    Verb(
        "key report",
        report,
        (
            option("--certificate", metavar="NAME", help="the key of this certificate's newest version"),
            option("--authority", metavar="NAME", help="the key of this authority: it signs nothing any more"),
            option("--public-key", dest="public_key_file", metavar="FILE", help="this public key (PEM or DER)"),
            option("--hash", dest="public_key_hash", metavar="HEX", help="the key of this SHA-256"),
            option("--reason", required=True, metavar="TEXT", help="what happened"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("key compromised", list_compromised, (AS_OF,)),
    Verb("key uses", list_uses, (filters("public_key_hash, kind, name, signed"), AS_OF)),
)
