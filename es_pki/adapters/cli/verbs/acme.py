"""`es-pki acme`: accounts and orders at ACME directories."""

from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import (
    AS_OF,
    IDEMPOTENCY_KEY,
    NAME,
    OUTPUT,
    Verb,
    filters,
    option,
    several,
    values,
)
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.cli.verbs.certificate import names_of, print_made
from es_pki.adapters.intake.requests import (
    AbandonACMEOrder,
    DeactivateACMEAccount,
    NameACMETestAccount,
    PlaceACMEOrder,
    RegisterACMEAccount,
    RenewACME,
    RollOverACMEAccountKey,
)
from es_pki.values import KeyType
from es_pki.values.acme import ChallengeType

ACCOUNTS = "/api/v1/acme/accounts"
ORDERS = "/api/v1/acme/orders"
RENEWALS = "/api/v1/acme/renewals"

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


def name_test_account(session: Session) -> int:
    """Say with which account renewals that failed are rehearsed."""
    return _print_done(session, session.send(NameACMETestAccount))


def deactivate(session: Session) -> int:
    """Close an ACME account for ever."""
    return _print_done(session, session.send(DeactivateACMEAccount))


def issue(session: Session) -> int:
    """Order a certificate from an ACME directory."""
    files.check(session.arguments.output)
    return _print_order(session, session.send(PlaceACMEOrder))


def renew(session: Session) -> int:
    """Order the next version of a certificate that came from an ACME directory."""
    files.check(session.arguments.output)
    return _print_order(session, session.send(RenewACME))


def renewals(session: Session) -> int:
    """List when certificates of ACME directories are renewed, and why that failed."""
    rows = session.client.items(RENEWALS, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, RENEWAL_COLUMNS, rows)


def orders(session: Session) -> int:
    """List the ACME orders."""
    rows = session.client.items(ORDERS, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, ORDER_COLUMNS, rows)


def order(session: Session) -> int:
    """Show an ACME order: how far it has come, and what it waits for."""
    return print_object(session, session.client.get(f"{ORDERS}/{segment(session.arguments.order)}", session.as_of()))


def abandon(session: Session) -> int:
    """Call an ACME order off."""
    result = session.send(AbandonACMEOrder)
    if session.wants_json:
        show.print_json(result)
    else:
        show.say(f"the order for {result['name']} is over: {result['status']}")
    return 0


def debug(session: Session) -> int:
    """Look at what keeps an ACME order from its end, from DNS to the directory, and say what to do about it."""
    report = session.client.get(f"{ORDERS}/{segment(session.arguments.order)}/debug")
    if session.wants_json:
        show.print_json(report)
    else:
        findings = report["findings"]
        for finding in findings if isinstance(findings, list) else []:
            show.say(f"{finding['verdict'].upper():8} {finding['what']}: {finding['detail']}")
            if finding["advice"]:
                show.say(f"{'':8} -> {finding['advice']}")
    return 1 if report["verdict"] == "failed" else 0


def _print_order(session: Session, result: Object) -> int:
    """Show what came of an order. One that failed is a failure; one that goes on by itself is none."""
    if result["status"] == "issued":
        return print_made(session, result)
    if result["status"] == "rehearsed":
        return _print_rehearsed(session, result)
    if session.wants_json:
        show.print_json(result)
    problem = result["problem"]
    if isinstance(problem, dict):
        show.note(f"{problem['type']}: {problem['detail']}")
    if result["status"] == "failed":
        show.note(f"the order for {result['name']} failed")
        return 1
    again = f", next at {show.when(result['next_attempt'])}" if result["next_attempt"] else ""
    show.note(f"the order {result['order_id']} goes on by itself{again}: es-pki acme order {result['name']}")
    return 0


def _print_rehearsed(session: Session, result: Object) -> int:
    if session.wants_json:
        show.print_json(result)
    else:
        show.say(f"the renewal of {result['name']} would work; nothing was changed")
    return 0


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

ORDER_COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("STATUS", lambda row: row["status"]),
    ("NAMES", names_of),
    ("PLACED", lambda row: show.when(row["placed_at"])),
    ("VALIDATED", lambda row: f"{row['validated']}/{row['authorizations']}"),
    ("NEXT ATTEMPT", lambda row: show.when(row["next_attempt"])),
    ("PROBLEM", lambda row: _detail(row["problem"])),
    ("ID", lambda row: row["id"]),
]


RENEWAL_COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("STATUS", lambda row: row["status"]),
    ("VERSION", lambda row: row["version"]),
    ("NOT AFTER", lambda row: show.when(row["not_after"])),
    ("PLANNED", lambda row: show.when(row["planned_at"])),
    ("BY THE DIRECTORY", lambda row: row["suggested"]),
    ("FAILED", lambda row: row["attempts"]),
    ("NEXT ATTEMPT", lambda row: show.when(row["next_attempt"])),
    ("PROBLEM", lambda row: _detail(row["problem"])),
]


def _detail(problem: object) -> object:
    return problem.get("detail") if isinstance(problem, dict) else None


ACCOUNT = option("account", metavar="ACCOUNT", help="the account's name or id")
ORDER = option("order", metavar="ORDER", help="the order's id, or its certificate's name")
FALLBACKS = several("--fallback-account", "fallback_accounts", "ACCOUNT", "one that orders where others can't")
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
            option("--test-account", metavar="ACCOUNT", help="an account at a directory for tests, for rehearsals"),
            option("--ca-bundle", dest="ca_bundle_file", metavar="FILE", help="the roots to trust for the directory"),
            KEY_TYPE,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("acme accounts", accounts, (filters("name, status, directory, public_key_hash"), AS_OF)),
    Verb("acme account", account, (NAME, AS_OF)),
    Verb("acme roll-over", roll_over, (ACCOUNT, KEY_TYPE, IDEMPOTENCY_KEY)),
    Verb(
        "acme test-account",
        name_test_account,
        (ACCOUNT, option("test_account", metavar="TEST_ACCOUNT", help="its name or id, '' for none"), IDEMPOTENCY_KEY),
    ),
    Verb(
        "acme deactivate",
        deactivate,
        (ACCOUNT, option("--reason", metavar="TEXT", help="why"), IDEMPOTENCY_KEY),
    ),
    Verb(
        "acme issue",
        issue,
        (
            NAME,
            option("--account", required=True, metavar="ACCOUNT", help="the account that orders"),
            FALLBACKS,
            several("--dns", "dns_names", "NAME", "a DNS name"),
            several("--ip", "ip_addresses", "ADDRESS", "an IP address"),
            option("--common-name", metavar="NAME", help="which DNS name is the CSR's common name (default: none)"),
            option("--challenge", choices=[kind.value for kind in ChallengeType], help="how each name is proved"),
            option(
                "--webroot", metavar="FOLDER", help="of a web server that answers to http-01 (default: es-pki does)"
            ),
            option("--profile", metavar="NAME", help="a profile that the directory offers"),
            option("--preferred-chain", metavar="NAME", help="the common name of an issuer in the chain you want"),
            option("--key-type", choices=values(KeyType), help="the kind of key to make (default: ec-p256)"),
            OUTPUT,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb(
        "acme renew",
        renew,
        (
            option("certificate", metavar="NAME", help="the certificate's name or id"),
            option("--reuse-key", action="store_true", default=None, help="have the present key certified again"),
            option("--account", metavar="ACCOUNT", help="the account that orders from now on"),
            FALLBACKS,
            option("--rehearse", action="store_true", default=None, help="only see whether it would work"),
            KEY_TYPE,
            OUTPUT,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("acme renewals", renewals, (filters("name, status"), AS_OF)),
    Verb("acme orders", orders, (filters("name, status, certificate_id, account_id, public_key_hash"), AS_OF)),
    Verb("acme order", order, (ORDER, AS_OF)),
    Verb("acme debug", debug, (ORDER,)),
    Verb("acme abandon", abandon, (ORDER, option("--reason", metavar="TEXT", help="why"), IDEMPOTENCY_KEY)),
)
