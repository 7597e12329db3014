"""`es-pki certificate validate`, `chain-validate`: does a certificate hold? Exit status 1 when it doesn't."""

import base64
from pathlib import Path

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object
from es_pki.adapters.cli.options import AS_OF, Verb, moment, option, several
from es_pki.adapters.cli.session import Misused, Session
from es_pki.adapters.cli.verbs.certificate import path_of
from es_pki.adapters.validation import Purpose, RevocationMode


def validate(session: Session) -> int:
    """Tell whether a certificate holds: one of ours by its name, or that of a file; exit status 1 when it doesn't."""
    name = session.arguments.certificate
    if name == "-" or Path(name).is_file():
        return _print(session, session.client.ask("/api/v1/validate", _body(session, name)))
    only_files = ("trust_anchors", "crls", "ocsp_responses", "email")
    if any(getattr(session.arguments, option_name) for option_name in only_files):
        raise Misused("this is asked of files: a certificate of ours is judged by our own roots and CRLs")
    taken = ("purpose", "host", "time", "as_of", "revocation", "trust_store")
    asked = {each: getattr(session.arguments, each) for each in taken}
    asked["fetch"] = "1" if session.arguments.fetch else None
    return _print(session, session.client.get(f"{path_of(name)}/validation", asked))


def chain_validate(session: Session) -> int:
    """Tell whether the first certificate of a file holds, with the others to help; exit status 1 when it doesn't."""
    return _print(session, session.client.ask("/api/v1/validate", _body(session, session.arguments.certificate)))


def _body(session: Session, file: str) -> Object:
    arguments = session.arguments
    anchors = arguments.trust_anchors
    body: Object = {
        "certificates": _text(file),
        "trust_anchors": None if anchors is None else _text(anchors),
        "crls": [_text(each) for each in arguments.crls or ()],
        "ocsp_responses": [base64.b64encode(files.read(each)).decode() for each in arguments.ocsp_responses or ()],
        **{
            name: getattr(arguments, name) for name in ("trust_store", "purpose", "host", "email", "time", "revocation")
        },
    }
    if arguments.fetch:
        body["fetch"] = True
    return {name: value for name, value in body.items() if value not in (None, [])}


def _text(file: str) -> str:
    """Return a file as the API takes it: PEM as it is, DER in base64."""
    content = files.read(file)
    return content.decode("ascii", "replace") if b"-----BEGIN" in content else base64.b64encode(content).decode()


def _print(session: Session, answer: Object) -> int:
    if session.wants_json:
        show.print_json(answer)
    else:
        path, findings = answer["path"], answer["findings"]
        show.print_table(PATH, path if isinstance(path, list) else [])
        for asked in fetched if isinstance(fetched := answer.get("fetched"), list) else []:
            show.note(f"{asked['url']}: {asked['failure'] or 'fetched'}")
        if findings:
            show.print_table(FINDINGS, findings if isinstance(findings, list) else [])
        show.say("valid" if answer["is_valid"] else "not valid")
    return 0 if answer["is_valid"] else 1


PATH: list[show.Column] = [
    ("SUBJECT", lambda row: row["subject"]),
    ("SERIAL NUMBER", lambda row: row["serial_number"]),
    ("FROM", lambda row: show.when(row["not_before"])),
    ("UNTIL", lambda row: show.when(row["not_after"])),
]

FINDINGS: list[show.Column] = [
    ("SEVERITY", lambda row: row["severity"]),
    ("CERTIFICATE", lambda row: row["subject"]),
    ("WHAT IS WRONG", lambda row: row["message"]),
    ("WHAT TO DO", lambda row: row["remedy"]),
    ("RULE", lambda row: row["rule"]),
    ("SOURCE", lambda row: row["source"]),
]

CERTIFICATE = option("certificate", metavar="NAME|FILE", help="the name of one of ours, or a file (- for input)")
FILE = option("certificate", metavar="FILE", help="PEM, the certificate first, then those that may help (- for input)")
PURPOSE = option("--purpose", choices=[each.value for each in Purpose], help="what it is to be used for")
HOST = option("--host", metavar="HOST", help="the DNS name or IP address that it is to be for")
EMAIL = option("--email", metavar="MAILBOX", help="the mailbox that it is to be for")
TIME = option("--time", type=moment, metavar="TIME", help="at this time (default: now)")
REVOCATION = option(
    "--revocation",
    choices=[each.value for each in RevocationMode],
    help="how much must be known of revocation: nothing, or with soft only what is revoked is refused",
)
ANCHORS = option("--trust-anchors", metavar="FILE", help="whom to trust, in PEM (default: our own roots)")
STORE = option("--trust-store", metavar="NAME", help="whom to trust: one of our trust stores")
CRLS = several("--crl", "crls", "FILE", "a CRL, PEM or DER")
RESPONSES = several("--ocsp-response", "ocsp_responses", "FILE", "an OCSP response in DER")

FETCH = option("--fetch", action="store_true", help="fetch what is lacking from where the certificates point at")

OF_FILES = (PURPOSE, HOST, EMAIL, TIME, REVOCATION, ANCHORS, STORE, CRLS, RESPONSES, FETCH)

VERBS = (
    Verb("certificate validate", validate, (CERTIFICATE, *OF_FILES, AS_OF)),
    Verb("certificate chain-validate", chain_validate, (FILE, *OF_FILES)),
)
