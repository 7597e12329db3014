"""`es-pki csr`: CSRs made, kept and answered here, and certificates for keys that are elsewhere."""

from base64 import b64encode
from typing import cast

from es_pki.adapters.cli import files, passphrases, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import (
    AS_OF,
    AUTHORITY,
    DAYS,
    IDEMPOTENCY_KEY,
    KEY_TYPE,
    NAME,
    OUTPUT,
    PREVIEW,
    PROFILE,
    SID,
    SUBJECT,
    SUBJECT_ALT_NAMES,
    Verb,
    filters,
    option,
)
from es_pki.adapters.cli.preview import show_preview
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.cli.subjects import subject_of
from es_pki.adapters.cli.verbs.certificate import names_of, print_made
from es_pki.adapters.intake.requests import CompleteCSR, CreateCSR, ImportCSR, RejectCSR, SignCSR

PATH = "/api/v1/signing-requests"

FORMS = {"pem": "application/x-pem-file", "der": "application/pkcs10"}

ATTRIBUTES = {
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.7": "challengePassword",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
}
"""What people call the attributes that CSRs often have (RFC 2985 section 5)."""


def create(session: Session) -> int:
    """Make a CSR for a key that the server makes and keeps."""
    files.check(session.arguments.output)
    result = session.send(CreateCSR, {"subject": subject_of(session.arguments)})
    if session.arguments.output is not None or not session.wants_json:
        files.write(session.arguments.output, str(result["csr_pem"]).encode())
    return _print_kept(session, result, "was made")


def bring_in(session: Session) -> int:
    """Keep a CSR that was made elsewhere, perhaps with its private key, until it is answered."""
    arguments = session.arguments
    further: dict[str, object] = {"csr": as_text(files.read(arguments.csr_file))}
    if arguments.key_file is None:
        return _print_kept(session, session.send(ImportCSR, further), "is kept")
    further["private_key"] = as_text(files.read(arguments.key_file))
    result = passphrases.sent(
        session,
        lambda passphrase: session.send(ImportCSR, {**further, "passphrase": passphrase}),
        arguments.key_file,
    )
    return _print_kept(session, result, "is kept with its private key")


def complete(session: Session) -> int:
    """Answer a CSR with the certificate that an outside authority returned."""
    result = session.send(CompleteCSR, {"certificate": as_text(files.read(session.arguments.certificate_file))})
    return _print_kept(session, result, "was signed")


def reject(session: Session) -> int:
    """Answer a CSR by refusing to sign it."""
    return _print_kept(session, session.send(RejectCSR), "was rejected")


def sign(session: Session) -> int:
    """Issue a certificate for the key of a CSR."""
    arguments = session.arguments
    if (arguments.csr_file is None) == (arguments.signing_request is None):
        raise Misused("name either the CSR's FILE, or with --request a CSR that is kept")
    files.check(arguments.output)
    further = {"csr": as_text(files.read(arguments.csr_file))} if arguments.csr_file is not None else {}
    if arguments.preview:
        return show_preview(session, SignCSR, further)
    return print_made(session, session.send(SignCSR, further))


def list_all(session: Session) -> int:
    """List the CSRs that are kept."""
    rows = session.client.items(PATH, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, COLUMNS, rows)


def one(session: Session) -> int:
    """Show a CSR that is kept, and what it was answered."""
    row = session.client.get(_path(session), session.as_of())
    if not session.wants_json:
        oids = cast("list[str]", row["attributes"])
        row["attributes"] = [f"{ATTRIBUTES[oid]} ({oid})" if oid in ATTRIBUTES else oid for oid in oids]
    return print_object(session, row)


def pem(session: Session) -> int:
    """Print a CSR in PEM or DER."""
    arguments = session.arguments
    body = session.client.raw(f"{_path(session)}/pem", session.as_of(), FORMS[arguments.form])
    files.write(arguments.output, body, is_text=arguments.form == "pem")
    return 0


def as_text(csr: bytes) -> str:
    """Return a CSR, certificate or key as the API takes it: PEM or base64 as it is, DER in base64."""
    return csr.decode() if csr.isascii() else b64encode(csr).decode()


def _print_kept(session: Session, result: Object, what: str) -> int:
    if session.wants_json:
        show.print_json(result)
    else:
        show.note(f"the CSR {result['name']} {what}; SHA-256 of its key: {result['public_key_hash']}")
    return 0


def _path(session: Session) -> str:
    return f"{PATH}/{segment(session.arguments.signing_request)}"


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("STATUS", lambda row: row["status"]),
    ("NAMES", names_of),
    ("KEY", lambda row: row["key_type"]),
    ("KEY IS HERE", lambda row: row["key_is_here"]),
    ("REQUESTED BY", lambda row: row["requested_by"]),
    ("SINCE", lambda row: show.when(row["requested_at"])),
    ("REASON", lambda row: row["reason"]),
]

CSR_FILE = "the CSR (PEM or DER); - for standard input"
SIGNING_REQUEST = option("signing_request", metavar="NAME", help="its name or id")
FORM = option("--form", choices=list(FORMS), default="pem", help="the form (default: pem)")

VERBS = (
    Verb("csr create", create, (NAME, *SUBJECT, *SUBJECT_ALT_NAMES, PROFILE, KEY_TYPE, OUTPUT, IDEMPOTENCY_KEY)),
    Verb(
        "csr import",
        bring_in,
        (
            NAME,
            option("csr_file", metavar="FILE", help=CSR_FILE),
            option("--key", dest="key_file", metavar="FILE", help="its private key, to be kept here"),
            passphrases.IMPORT_FILE,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("csr list", list_all, (filters("name, status, key_type, public_key_hash, certificate_id"), AS_OF)),
    Verb("csr show", one, (SIGNING_REQUEST, AS_OF)),
    Verb("csr pem", pem, (SIGNING_REQUEST, FORM, OUTPUT, AS_OF)),
    Verb(
        "csr complete",
        complete,
        (
            SIGNING_REQUEST,
            option(
                "certificate_file", metavar="FILE", help="the certificate, perhaps with its chain; - for standard input"
            ),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb(
        "csr reject",
        reject,
        (SIGNING_REQUEST, option("--reason", required=True, metavar="TEXT", help="why"), IDEMPOTENCY_KEY),
    ),
    Verb(
        "csr sign",
        sign,
        (
            NAME,
            option("csr_file", nargs="?", metavar="FILE", help=CSR_FILE),
            option("--request", dest="signing_request", metavar="NAME", help="a CSR that is kept, instead of FILE"),
            AUTHORITY,
            SID,
            PROFILE,
            DAYS,
            PREVIEW,
            OUTPUT,
            IDEMPOTENCY_KEY,
        ),
    ),
)
