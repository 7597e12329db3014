"""`es-pki certificate import` and `import-all`: certificates from elsewhere, one or very many; and authorities."""

from collections.abc import Callable

from es_pki.adapters.cli import bulk, files, passphrases, show
from es_pki.adapters.cli.client import Object
from es_pki.adapters.cli.options import IDEMPOTENCY_KEY, NAME, Verb, option
from es_pki.adapters.cli.session import Session
from es_pki.adapters.cli.verbs.csr import as_text
from es_pki.adapters.intake.requests import ImportAuthority, ImportCertificate, ImportCertificates


def bring_in(session: Session) -> int:
    """Keep a certificate that was made elsewhere, with its chain and perhaps its private key."""
    return _print_kept(session, _asked(session, lambda further: session.send(ImportCertificate, further)))


def bring_authority_in(session: Session) -> int:
    """Make an authority known that was made elsewhere; with its private key it may sign here."""
    result = _asked(session, lambda further: session.send(ImportAuthority, further))
    if session.wants_json:
        show.print_json(result)
        return 0
    verb = "is known" if result["is_new"] else "has its key now" if result["key_is_new"] else "was known already"
    what = "and may sign" if result["key_is_here"] else "and only verifies: its private key is elsewhere"
    show.note(f"authority {result['name']} {verb} {what}, until {result['not_after']}")
    return 0


def _asked(session: Session, send: Callable[[dict[str, object]], Object]) -> Object:
    """Send what the files hold, and once more with a passphrase when one is missing and somebody sits there."""
    arguments = session.arguments
    further: dict[str, object] = {"certificate": as_text(files.read(arguments.certificate_file))}
    if arguments.key_file is not None:
        further["private_key"] = as_text(files.read(arguments.key_file))
    return passphrases.sent(
        session,
        lambda passphrase: send({**further, "passphrase": passphrase}),
        arguments.key_file or arguments.certificate_file,
    )


def _print_kept(session: Session, result: Object) -> int:
    if session.wants_json:
        show.print_json(result)
        return 0
    if result["is_new"]:
        verb = "would be kept" if session.arguments.preview else "is kept"
    elif result["key_is_new"]:
        verb = "is here already, and now" if not session.arguments.preview else "is here already, and would be"
    else:
        verb = "is here already"
    key = "with its private key" if result["key_is_here"] else "without its private key"
    show.note(f"certificate {result['name']}, version {result['version']}, {verb} {key}, until {result['not_after']}")
    return 0


def bring_all_in(session: Session) -> int:
    """Keep all certificates of files and folders, each by a name made from its own; report what became of each."""
    passphrase = passphrases.given(session, passphrases.IMPORT_VARIABLE)
    with show.ProgressBars() as bars:
        outcomes = bulk.bring_in(
            session.arguments.paths, passphrase, lambda body: session.send(ImportCertificates, body), bars
        )
    if session.wants_json:
        show.print_json({"items": [outcome._asdict() for outcome in outcomes]})
    else:
        show.print_table(REPORT, [outcome._asdict() for outcome in outcomes])
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in bulk.OUTCOMES}
    show.note(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return 1 if counts[bulk.REFUSED] else 0


REPORT: list[show.Column] = [
    ("FILE", lambda row: row["file"]),
    ("OUTCOME", lambda row: row["outcome"]),
    ("NAME", lambda row: row["name"]),
    ("REASON", lambda row: row["reason"]),
]

KEY_FILE = option("--key", dest="key_file", metavar="FILE", help="its private key, unless it is in the same file")
PREVIEW = option("--dry-run", dest="preview", action="store_true", help="keep nothing: say what would be kept")
CERTIFICATE_FILE = option("certificate_file", metavar="FILE", help="PEM, DER, PKCS#7 or PKCS#12; - for standard input")
PATHS = option("paths", nargs="+", metavar="PATH", help="a file (PEM, DER, PKCS#7, PKCS#12), or a folder of such")

VERBS = (
    Verb(
        "certificate import",
        bring_in,
        (NAME, CERTIFICATE_FILE, KEY_FILE, passphrases.IMPORT_FILE, PREVIEW, IDEMPOTENCY_KEY),
    ),
    Verb(
        "authority import",
        bring_authority_in,
        (NAME, CERTIFICATE_FILE, KEY_FILE, passphrases.IMPORT_FILE, IDEMPOTENCY_KEY),
    ),
    Verb("certificate import-all", bring_all_in, (PATHS, passphrases.IMPORT_FILE, PREVIEW)),
)
