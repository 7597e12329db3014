"""`es-pki acme`: accounts at ACME directories."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, Verb, filters, option, several, values
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.intake.requests import DeactivateACMEAccount, RegisterACMEAccount, RollOverACMEAccountKey
from es_pki.values import KeyType

ACCOUNTS = "/api/v1/acme/accounts"

MAC_KEY_VARIABLE = "ES_PKI_EAB_HMAC_KEY"


def register(session: Session) -> int:
    """Open an account at an ACME directory."""
    arguments = session.arguments
    further: dict[str, object] = {"terms_of_service_agreed": arguments.agrees}
    if arguments.ca_bundle_file is not None:
        further["ca_bundle"] = files.read(arguments.ca_bundle_file).decode(errors="replace")
    if arguments.eab_key_id is not None:
        further["eab_hmac_key"] = _mac_key(session)
    return _print_done(session, session.send(RegisterACMEAccount, further))


def _mac_key(session: Session) -> str:
    """Return the CA's key: from a file or the environment, where no list of processes shows it."""
    file = session.arguments.eab_hmac_key_file
    if file is not None:
        return files.read(file).decode(errors="replace").strip()
    key = session.environment.get(MAC_KEY_VARIABLE)
    if not key:
        raise Misused(f"--eab-key-id needs the key: --eab-hmac-key-file FILE, or {MAC_KEY_VARIABLE}")
    return key


def accounts(session: Session) -> int:
    """List the ACME accounts."""
    rows = session.client.items(ACCOUNTS, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, COLUMNS, rows)


def account(session: Session) -> int:
    """Show an ACME account."""
    return print_object(session, session.client.get(f"{ACCOUNTS}/{segment(session.arguments.name)}", session.as_of()))


def roll_over(session: Session) -> int:
    """Give an ACME account another key."""
    return _print_done(session, session.send(RollOverACMEAccountKey))


def deactivate(session: Session) -> int:
    """Close an ACME account for ever."""
    return _print_done(session, session.send(DeactivateACMEAccount))


def _print_done(session: Session, result: Object) -> int:
    """Show what the directory said. A problem is a failure: status 1."""
    problem = result["problem"]
    if session.wants_json:
        show.print_json(result)
    else:
        show.say(f"the account {result['name']} is {result['status']}: {result['url'] or result['directory']}")
    if isinstance(problem, dict):
        show.note(f"{problem['type']}: {problem['detail']}")
    return 1 if problem else 0


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("STATUS", lambda row: row["status"]),
    ("DIRECTORY", lambda row: row["directory"]),
    ("KEY", lambda row: row["key_type"]),
    ("SINCE", lambda row: show.when(row["registered_at"])),
    ("URL", lambda row: row["url"]),
]

ACCOUNT = option("account", metavar="ACCOUNT", help="the account's name or id")
KEY_TYPE = option("--key-type", choices=values(KeyType), help="the kind of key to make for the account")

VERBS = (
    Verb(
        "acme register",
        register,
        (
            NAME,
            option("--directory", required=True, metavar="URL", help="its address, or a name as letsencrypt"),
            several("--contact", "contacts", "MAILBOX", "whom the CA may write to"),
            option("--agree", dest="agrees", action="store_true", help="agree to the directory's terms of service"),
            option("--eab-key-id", metavar="ID", help="the id that the CA gave for the account"),
            option(
                "--eab-hmac-key-file",
                metavar="FILE",
                help=f"the key that belongs to it, in base64url (default: {MAC_KEY_VARIABLE})",
            ),
            option("--ca-bundle", dest="ca_bundle_file", metavar="FILE", help="the roots to trust for the directory"),
            KEY_TYPE,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("acme accounts", accounts, (filters("name, status, directory, public_key_hash"), AS_OF)),
    Verb("acme account", account, (NAME, AS_OF)),
    Verb("acme roll-over", roll_over, (ACCOUNT, KEY_TYPE, IDEMPOTENCY_KEY)),
    Verb(
        "acme deactivate",
        deactivate,
        (ACCOUNT, option("--reason", metavar="TEXT", help="why"), IDEMPOTENCY_KEY),
    ),
)
