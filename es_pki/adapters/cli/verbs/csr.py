"""`es-pki csr`: certificates for keys that are elsewhere."""

from base64 import b64encode

from es_pki.adapters.cli import files
from es_pki.adapters.cli.options import AUTHORITY, DAYS, IDEMPOTENCY_KEY, NAME, OUTPUT, PROFILE, Verb, option
from es_pki.adapters.cli.session import Session
from es_pki.adapters.cli.verbs.certificate import print_made
from es_pki.adapters.intake.requests import SignCSR


def sign(session: Session) -> int:
    """Issue a certificate for the key of a CSR."""
    files.check(session.arguments.output)
    return print_made(session, session.send(SignCSR, {"csr": as_text(files.read(session.arguments.csr_file))}))


def as_text(csr: bytes) -> str:
    """Return a CSR as the API takes it: PEM or base64 as it is, DER in base64."""
    return csr.decode() if csr.isascii() else b64encode(csr).decode()


VERBS = (
    Verb(
        "csr sign",
        sign,
        (
            NAME,
            option("csr_file", metavar="FILE", help="the CSR (PEM or DER); - for standard input"),
            AUTHORITY,
            PROFILE,
            DAYS,
            OUTPUT,
            IDEMPOTENCY_KEY,
        ),
    ),
)
