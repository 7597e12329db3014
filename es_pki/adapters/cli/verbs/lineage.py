"""`es-pki certificate`, its life after issuing: renewed, rolled back, renamed, described, deleted."""

from es_pki.adapters.cli import files
from es_pki.adapters.cli.options import (
    ACCOUNT,
    DAYS,
    IDEMPOTENCY_KEY,
    OUTPUT,
    PREVIEW,
    SUBJECT,
    SUBJECT_ALT_NAMES,
    Verb,
    option,
    pair,
    several,
    values,
)
from es_pki.adapters.cli.preview import show_preview
from es_pki.adapters.cli.session import Misused, Session, print_object
from es_pki.adapters.cli.subjects import subject_of
from es_pki.adapters.cli.verbs.certificate import path_of, print_made
from es_pki.adapters.cli.verbs.csr import as_text
from es_pki.adapters.intake.requests import (
    DeleteCertificate,
    DescribeCertificate,
    ReissueCertificate,
    RenameCertificate,
    RenewCertificate,
    RollBackCertificate,
)
from es_pki.values import KeyType


def renew(session: Session) -> int:
    """Make a certificate's next version with the same names, by the policy of today."""
    file = session.arguments.csr_file
    csr = {} if file is None else {"csr": as_text(files.read(file))}
    if session.arguments.preview:
        return show_preview(session, RenewCertificate, csr)
    return print_made(session, session.send(RenewCertificate, csr))


def reissue(session: Session) -> int:
    """Make a certificate's next version with exactly the names that are given."""
    further = {"subject": subject_of(session.arguments)}
    if session.arguments.preview:
        return show_preview(session, ReissueCertificate, further)
    return print_made(session, session.send(ReissueCertificate, further))


def roll_back(session: Session) -> int:
    """Make an earlier version the current one again, by default the one before."""
    version = session.arguments.version or _version_before(session)
    return print_object(session, session.send(RollBackCertificate, {"version": version}))


def _version_before(session: Session) -> int:
    """Return the number of the newest issued version before the current one. Raises `Misused`."""
    rows = session.client.get(f"{path_of(session.arguments.certificate)}/versions", {})["items"]
    before: list[int] = []
    for row in rows if isinstance(rows, list) else []:
        if row["is_current"]:
            break
        before += [row["version"]] if row["status"] == "issued" else []
    if not before:
        raise Misused("there is no earlier version that holds; es-pki certificate versions lists them")
    return before[-1]


def rename(session: Session) -> int:
    """Call a certificate otherwise; its former name goes on leading to it, unless --release."""
    return print_object(session, session.send(RenameCertificate))


def describe(session: Session) -> int:
    """Label a certificate, and say who answers for it."""
    arguments = session.arguments
    labels = {**dict(arguments.set_labels or []), **dict.fromkeys(arguments.removed_labels or [])}
    return print_object(session, session.send(DescribeCertificate, {"labels": labels}))


def delete(session: Session) -> int:
    """Be done with a certificate: its names are free, its private keys are destroyed."""
    return print_object(session, session.send(DeleteCertificate))


CERTIFICATE = option("certificate", metavar="NAME", help="its name or id")
SAME_KEY = option("--reuse-key", action="store_const", const=True, help="certify the present key again")
OTHER_KEY = option("--key-type", choices=values(KeyType), help="the kind of key to make (default: as before)")
CSR = option("--csr", dest="csr_file", metavar="FILE", help="the CSR of a new key that is kept elsewhere")
VERSION = option("--to", dest="version", type=int, metavar="VERSION", help="which (default: the one before)")
NEW_NAME = option("name", metavar="NEW_NAME", help="its new name")
REVOKE_PREVIOUS = option(
    "--revoke-previous-after-days",
    type=int,
    metavar="DAYS",
    help="revoke the version before as superseded then, once no service has it (default: never)",
)
RELEASE = option(
    "--release", dest="keep_former_name", action="store_const", const=False, help="free the former name for others"
)
LABELS = (
    several("--label", "set_labels", "KEY=VALUE", "set a label", type=pair),
    several("--unlabel", "removed_labels", "KEY", "remove a label"),
)
OWNER = option("--owner", metavar="TEXT", help="who answers for it; an empty text for nobody")
REASON = option("--reason", metavar="TEXT", help="why, for the history")
NAMES = (*SUBJECT, *SUBJECT_ALT_NAMES, *ACCOUNT)

VERBS = (
    Verb(
        "certificate renew",
        renew,
        (CERTIFICATE, SAME_KEY, OTHER_KEY, CSR, DAYS, REVOKE_PREVIOUS, PREVIEW, OUTPUT, IDEMPOTENCY_KEY),
    ),
    Verb(
        "certificate reissue",
        reissue,
        (CERTIFICATE, *NAMES, SAME_KEY, OTHER_KEY, DAYS, REVOKE_PREVIOUS, PREVIEW, OUTPUT, IDEMPOTENCY_KEY),
    ),
    Verb("certificate rollback", roll_back, (CERTIFICATE, VERSION)),
    Verb("certificate rename", rename, (CERTIFICATE, NEW_NAME, RELEASE)),
    Verb("certificate describe", describe, (CERTIFICATE, *LABELS, OWNER)),
    Verb("certificate delete", delete, (CERTIFICATE, REASON)),
)
