"""`es-pki certificate export`: a certificate with its private key, into a file that only its owner reads."""

import base64
import binascii

from es_pki.adapters.cli import files, passphrases, show
from es_pki.adapters.cli.client import Object, Unreachable
from es_pki.adapters.cli.options import IDEMPOTENCY_KEY, Verb, option
from es_pki.adapters.cli.session import Misused, Session, print_object
from es_pki.adapters.cli.verbs.lineage import CERTIFICATE
from es_pki.adapters.intake.requests import ExportCertificate
from es_pki.values import ExportFormat

PASSPHRASE_VARIABLE = "ES_PKI_EXPORT_PASSPHRASE"  # noqa: S105 - the variable's name


def export(session: Session) -> int:
    """Take a certificate along with its private key, under a passphrase, in a new file (0600)."""
    arguments = session.arguments
    with files.SecretFile(arguments.output) as file:
        result = session.send(ExportCertificate, {"passphrase": _passphrase(session)})
        file.write_bytes(_content(result))
    if session.wants_json:
        return print_object(session, {**result, "content": None})
    show.note(f"the private key of {result['name']}, version {result['version']}, lies in {arguments.output}")
    return 0


def _content(result: Object) -> bytes:
    try:
        return base64.b64decode(str(result.get("content")), validate=True)
    except binascii.Error:
        raise Unreachable("what answers there is no es-pki") from None


def _passphrase(session: Session) -> str:
    """Return the passphrase: from a file, the environment, or whoever sits there, asked twice. Raises `Misused`."""
    given = passphrases.given(session, PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    if not passphrases.can_be_asked_for():
        raise Misused(f"no passphrase: --passphrase-file, {PASSPHRASE_VARIABLE}, or a terminal to type it on")
    typed = passphrases.asked_for("Passphrase of the new file: ")
    if passphrases.asked_for("Once more: ") != typed:
        raise Misused("these are two passphrases: start again")
    return typed


FORMAT = option("--format", required=True, choices=[form.value for form in ExportFormat], help="the form of the file")
OUTPUT = option("-o", "--output", required=True, metavar="FILE", help="write to this new file (0600)")
REASON = option("--reason", required=True, metavar="TEXT", help="why the key leaves: it is recorded")
PASSPHRASE_FILE = option(
    "--passphrase-file",
    metavar="FILE",
    help=f"file with the passphrase (default: {PASSPHRASE_VARIABLE}, else asked for)",
)
VERSION = option("--version", type=int, metavar="NUMBER", help="which (default: the current one)")
LEGACY = option("--legacy", action="store_const", const=True, help="PKCS#12 as old devices read it (3DES, SHA-1)")

VERBS = (
    Verb(
        "certificate export",
        export,
        (CERTIFICATE, FORMAT, OUTPUT, REASON, PASSPHRASE_FILE, VERSION, LEGACY, IDEMPOTENCY_KEY),
    ),
)
