"""`es-pki authority crl` and `es-pki crl`: the lists of what was revoked."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME_OR_ID, OUTPUT, Verb, filters, option
from es_pki.adapters.cli.session import Session, print_object, print_rows
from es_pki.adapters.cli.verbs.authority import PATH
from es_pki.adapters.intake.requests import IssueCRL


def fetch(session: Session) -> int:
    """Print an authority's CRL: the newest, or that of a number, made again from the log."""
    arguments = session.arguments
    wanted = {"number": arguments.number, "shard": arguments.shard, "delta": arguments.delta}
    parameters = {name: str(value) for name, value in wanted.items() if value is not None}
    body = session.client.raw(f"{PATH}/{segment(arguments.name)}/crl", parameters, FORMS[arguments.form])
    files.write(arguments.output, body, is_text=arguments.form == "pem")
    return 0


def issue(session: Session) -> int:
    """Issue an authority's CRLs now; after a revocation they come by themselves."""
    result = session.send(IssueCRL)
    crls = result["crls"]
    if session.wants_json or not isinstance(crls, list):
        return print_object(session, result)
    show.print_table(COLUMNS, crls)
    return 0


def list_all(session: Session) -> int:
    """List the newest CRL of every authority."""
    parameters = {**session.as_of(), **dict(session.arguments.filters or [])}
    authorities = session.client.items(PATH, session.as_of())
    names = {row["id"]: row["name"] for row in authorities}
    columns = [("AUTHORITY", lambda row: names.get(row["authority_id"], row["authority_id"])), *COLUMNS]
    return print_rows(session, columns, session.client.items("/api/v1/crls", parameters))


FORMS = {"pem": "application/x-pem-file", "der": "application/pkix-crl"}

COLUMNS: list[show.Column] = [
    ("SHARD", lambda row: row["crl_shard"]),
    ("NUMBER", lambda row: row["crl_number"]),
    ("FROM", lambda row: show.when(row["this_update"])),
    ("UNTIL", lambda row: show.when(row["next_update"])),
    ("ENTRIES", lambda row: row["entries"]),
    ("OCTETS", lambda row: row["size"]),
]

VERBS = (
    Verb(
        "authority crl",
        fetch,
        (
            NAME_OR_ID,
            option("--number", type=int, metavar="NUMBER", help="which (default: the newest)"),
            option("--shard", type=int, metavar="NUMBER", help="of these certificates only (default: of all)"),
            option("--delta", action="store_const", const=1, help="its delta: what changed since the base"),
            option("--form", choices=list(FORMS), default="pem", help="the form (default: pem)"),
            OUTPUT,
        ),
    ),
    Verb("crl issue", issue, (option("authority", metavar="NAME", help="its name or id"), IDEMPOTENCY_KEY)),
    Verb("crl list", list_all, (filters("authority_id, crl_shard, signed"), AS_OF)),
)
