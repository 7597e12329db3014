"""`es-pki trust`: named sets of certificates that chains may end at."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, OUTPUT, Verb, filters, moment, option, several
from es_pki.adapters.cli.session import Session, print_object, print_rows
from es_pki.adapters.cli.verbs.authority import BUNDLE, BUNDLES
from es_pki.adapters.cli.verbs.csr import as_text
from es_pki.adapters.intake.requests import CreateTrustStore, DistrustCertificate, TrustCertificate

PATH = "/api/v1/trust-stores"


def create(session: Session) -> int:
    """Make a trust store of certificates, authorities of our own, or the public roots."""
    return print_object(session, session.send(CreateTrustStore, _brought(session)))


def add(session: Session) -> int:
    """Trust further certificates; with --system those that are new among the public roots."""
    return print_object(session, session.send(TrustCertificate, _brought(session)))


def distrust(session: Session) -> int:
    """Have no chain end at a certificate of a trust store any more."""
    return print_object(session, session.send(DistrustCertificate))


def list_all(session: Session) -> int:
    """List the trust stores."""
    return print_rows(session, STORES, session.client.items(PATH, session.as_of()))


def one(session: Session) -> int:
    """List what a trust store trusts, and what it no longer does."""
    wanted = {**session.as_of(), **dict(session.arguments.filters or [])}
    return print_rows(session, TRUSTED, session.client.items(f"{_path(session)}/certificates", wanted))


def bundle(session: Session) -> int:
    """Print what a trust store trusts, or write Java's trust store of it (its password is changeit)."""
    arguments = session.arguments
    body = session.client.raw(f"{_path(session)}/bundle", session.as_of(), BUNDLES[arguments.form])
    files.write(arguments.output, body, is_text=arguments.form == "pem")
    return 0


def _brought(session: Session) -> Object:
    file = session.arguments.certificate_file
    return {} if file is None else {"certificates": as_text(files.read(file))}


def _path(session: Session) -> str:
    return f"{PATH}/{segment(session.arguments.trust_store)}"


STORES: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("CREATED", lambda row: show.when(row["created"])),
    ("BY", lambda row: row["created_by"]),
    ("CHANGED", lambda row: show.when(row["changed"])),
]

TRUSTED: list[show.Column] = [
    ("SUBJECT", lambda row: row["subject_name"]),
    ("STATUS", lambda row: row["status"]),
    ("UNTIL", lambda row: show.when(row["not_after"])),
    ("ISSUED UNTIL", lambda row: show.when(row["issued_after"])),
    ("REASON", lambda row: row["reason"]),
    ("FINGERPRINT", lambda row: row["fingerprint"]),
]

TRUST_STORE = option("trust_store", metavar="STORE", help="its name or id")
WHAT = (
    option("--certificates", dest="certificate_file", metavar="FILE", help="certificates (PEM, or one in DER)"),
    several("--authority", "authorities", "NAME", "an authority of our own"),
    option("--system", action="store_const", const=True, help="Mozilla's list of public roots"),
)

VERBS = (
    Verb("trust create", create, (NAME, *WHAT, IDEMPOTENCY_KEY)),
    Verb(
        "trust add",
        add,
        (
            TRUST_STORE,
            *WHAT,
            option("--again", action="store_const", const=True, help="also what was distrusted here"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb(
        "trust distrust",
        distrust,
        (
            TRUST_STORE,
            option("fingerprint", metavar="SHA-256", help="the certificate's fingerprint in hex"),
            option("--reason", required=True, metavar="TEXT", help="why"),
            option("--issued-after", type=moment, metavar="TIME", help="only what was issued after this time"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("trust list", list_all, (AS_OF,)),
    Verb("trust show", one, (TRUST_STORE, filters("status, fingerprint, public_key_hash"), AS_OF)),
    Verb("trust bundle", bundle, (TRUST_STORE, BUNDLE, OUTPUT, AS_OF)),
)
