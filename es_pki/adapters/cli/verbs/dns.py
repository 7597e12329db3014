"""`es-pki dns`: whose DNS zones es-pki may change, to prove names by dns-01."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, NAME_OR_ID, Verb, filters, option, pair, several
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.intake.requests import AddDNSProvider, RemoveDNSProvider, ReplaceDNSCredentials
from es_pki.values.dns import TSIGAlgorithm

PATH = "/api/v1/dns-providers"

CREDENTIALS_VARIABLE = "ES_PKI_DNS_CREDENTIALS"


def add_updates(session: Session) -> int:
    """Add a name server that takes dynamic updates (RFC 2136) under a TSIG key."""
    arguments = session.arguments
    settings = {"kind": "rfc2136", "server": arguments.server, "key_name": arguments.key_name}
    return _add(session, {**settings, **({"algorithm": arguments.algorithm} if arguments.algorithm else {})})


def add_hook(session: Session) -> int:
    """Add a program of your own that writes and removes records."""
    arguments = session.arguments
    settings: Object = {"kind": "hook", "program": arguments.program}
    return _add(session, {**settings, **({"arguments": arguments.given} if arguments.given else {})})


def add_lexicon(session: Session) -> int:
    """Add an account with a DNS host that dns-lexicon knows."""
    arguments = session.arguments
    return _add(session, {"kind": "lexicon", "provider": arguments.provider, "options": dict(arguments.options or [])})


def replace(session: Session) -> int:
    """Have a DNS provider use other credentials."""
    credentials = _credentials(session)
    if not credentials:
        raise Misused(f"the credentials are needed: --credentials-file FILE, or {CREDENTIALS_VARIABLE}")
    return print_object(session, session.send(ReplaceDNSCredentials, {"credentials": credentials}))


def remove(session: Session) -> int:
    """Use a DNS provider no more."""
    return print_object(session, session.send(RemoveDNSProvider))


def list_all(session: Session) -> int:
    """List the DNS providers."""
    rows = session.client.items(PATH, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, COLUMNS, rows)


def one(session: Session) -> int:
    """Show a DNS provider."""
    return print_object(session, session.client.get(f"{PATH}/{segment(session.arguments.name)}", session.as_of()))


def check(session: Session) -> int:
    """Write, find and remove a record in each zone of a DNS provider."""
    found = session.client.ask(f"{PATH}/{segment(session.arguments.name)}/check", {})
    if session.wants_json:
        show.print_json(found)
    elif found["problem"] is None:
        show.say(f"{found['name']} works")
    else:
        show.note(f"{found['name']}: {found['problem']}")
    return 0 if found["problem"] is None else 1


def _add(session: Session, settings: Object) -> int:
    credentials = _credentials(session)
    further: Object = {"settings": settings, **({"credentials": credentials} if credentials else {})}
    return print_object(session, session.send(AddDNSProvider, further))


def _credentials(session: Session) -> str:
    """Return the credentials: from a file or the environment, where no list of processes shows them."""
    file = session.arguments.credentials_file
    if file is not None:
        return files.read(file).decode(errors="replace").strip()
    return session.environment.get(CREDENTIALS_VARIABLE, "")


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("KIND", lambda row: row["kind"]),
    ("ZONES", lambda row: ", ".join(row["zones"]) if isinstance(row["zones"], list) else ""),
    ("ADDED", lambda row: show.when(row["added_at"])),
    ("BY", lambda row: row["added_by"]),
    ("CREDENTIALS SINCE", lambda row: show.when(row["credentials_since"])),
]

CREDENTIALS = option(
    "--credentials-file",
    metavar="FILE",
    help=f"file with the TSIG key, what the hook reads, or lexicon's secrets as JSON (default: {CREDENTIALS_VARIABLE})",
)
CHECK = option("--check", action="store_const", const=True, help="try it first: write, find and remove a record")
PROVIDER = option("dns_provider", metavar="PROVIDER", help="its name or id")
WHAT = (
    NAME,
    several("--zone", "zones", "ZONE", "a zone that it answers for", required=True),
    several("--name-server", "name_servers", "HOST:PORT", "where to look for records (default: all of the zone)"),
    CREDENTIALS,
    CHECK,
    IDEMPOTENCY_KEY,
)

VERBS = (
    Verb(
        "dns add-rfc2136",
        add_updates,
        (
            *WHAT,
            option("--server", required=True, metavar="HOST:PORT", help="the server that takes the updates"),
            option("--key-name", required=True, metavar="NAME", help="what the server calls the TSIG key"),
            option("--algorithm", choices=[algorithm.value for algorithm in TSIGAlgorithm], help="of the TSIG key"),
        ),
    ),
    Verb(
        "dns add-hook",
        add_hook,
        (
            *WHAT,
            option("--program", required=True, metavar="FILE", help="among those of the setting dns_hooks"),
            several("--argument", "given", "TEXT", "with {verb}, {name} and {value} (default: these three)"),
        ),
    ),
    Verb(
        "dns add-lexicon",
        add_lexicon,
        (
            *WHAT,
            option("--provider", required=True, metavar="NAME", help="lexicon's name for it, as cloudflare"),
            several("--option", "options", "NAME=VALUE", "an option of lexicon's that is no secret", type=pair),
        ),
    ),
    Verb("dns replace-credentials", replace, (PROVIDER, CREDENTIALS, CHECK, IDEMPOTENCY_KEY)),
    Verb("dns remove", remove, (PROVIDER, option("--reason", metavar="TEXT", help="why"), IDEMPOTENCY_KEY)),
    Verb("dns list", list_all, (filters("name, kind"), AS_OF)),
    Verb("dns show", one, (NAME_OR_ID, AS_OF)),
    Verb("dns check", check, (NAME_OR_ID,)),
)
