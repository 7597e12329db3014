"""`es-pki authority`: who issues here, and what they may issue."""

from argparse import Namespace

import msgspec

from es_pki.adapters import clock
from es_pki.adapters.cli import files, show
from es_pki.adapters.cli.client import Object, segment
from es_pki.adapters.cli.options import (
    AS_OF,
    DAYS,
    IDEMPOTENCY_KEY,
    KEY_TYPE,
    NAME,
    NAME_OR_ID,
    NAME_SPACES,
    OUTPUT,
    PREVIEW,
    SUBJECT,
    Verb,
    option,
    several,
    values,
)
from es_pki.adapters.cli.preview import show_preview
from es_pki.adapters.cli.session import Misused, Session, policy_from, print_object, print_rows
from es_pki.adapters.cli.subjects import subject_of
from es_pki.adapters.intake.requests import CreateAuthority, SetIssuancePolicy
from es_pki.values import ExtendedKeyUsage, IssuancePolicy, KeyType, NameSpace

PATH = "/api/v1/authorities"


def create(session: Session) -> int:
    """Create an authority: a root, or an intermediate below --issuer."""
    arguments = session.arguments
    further = {"subject": subject_of(arguments), "name_constraints": name_constraints(arguments, {})}
    if arguments.preview:
        return show_preview(session, CreateAuthority, further)
    files.check(arguments.output)
    result = session.send(CreateAuthority, further)
    if session.wants_json:
        show.print_json(result)
        return 0
    if arguments.output is not None:
        files.write(arguments.output, str(result["certificate_pem"]).encode())
    show.say(f"authority {result['name']}, serial number {result['serial_number']}, until {result['not_after']}")
    return 0


def list_all(session: Session) -> int:
    """List the authorities."""
    rows = session.client.items(PATH, session.as_of())
    names, now = {row["id"]: row["name"] for row in rows}, clock.now()
    columns: list[show.Column] = [
        ("NAME", lambda row: row["name"]),
        ("STATUS", lambda row: row["status"]),
        ("COMMON NAME", common_name),
        ("ISSUER", lambda row: names.get(row["issuer_id"], row["issuer_id"])),
        ("KEY", lambda row: row["key_type"]),
        ("UNTIL", lambda row: show.when(row["not_after"])),
        ("DAYS LEFT", lambda row: show.days_left(row["not_after"], now)),
    ]
    return print_rows(session, columns, rows)


def one(session: Session) -> int:
    """Show an authority and its policy."""
    row = _authority(session)
    return print_object(session, row if session.wants_json else {**row, "certificate_pem": None})


def pem(session: Session) -> int:
    """Print an authority's certificate in PEM."""
    files.write(session.arguments.output, str(_authority(session)["certificate_pem"] or "").encode())
    return 0


def bundle(session: Session) -> int:
    """Print an authority's certificate and those above it, or a trust store of them (its password is changeit)."""
    arguments = session.arguments
    path = f"{PATH}/{segment(arguments.name)}/bundle"
    parameters = {**session.as_of(), **({"crls": "1"} if arguments.crls else {})}
    body = session.client.raw(path, parameters, BUNDLES[arguments.form])
    files.write(arguments.output, body, is_text=arguments.form == "pem")
    return 0


def history(session: Session) -> int:
    """Tell what happened to an authority."""
    rows = session.client.items(f"{PATH}/{segment(session.arguments.name)}/history", session.as_of())
    return print_rows(session, HISTORY, rows)


def policy(session: Session) -> int:
    """Show an authority's issuance policy, or change what the options name of it."""
    arguments = session.arguments
    is_told = arguments.from_defaults or bool(changes(arguments)) or bool(name_constraints(arguments, {}))
    if arguments.policy_file:
        if is_told:
            raise Misused("--policy-file holds the whole policy: it goes with no other option of the policy")
        wanted = policy_from(arguments.policy_file)
    else:
        current = None if arguments.from_defaults else _authority(session)["policy"]
        before = current if isinstance(current, dict) else defaults()
        if not is_told:
            return print_object(session, before)
        wanted = changed(before, arguments)
    result = session.send(SetIssuancePolicy, {"authority": arguments.name, "policy": wanted})
    return print_object(session, result if session.wants_json else wanted)


def changed(before: Object, arguments: Namespace) -> Object:
    """Return a policy with what the arguments say; all else stays as it was."""
    names = before.get("names")
    constraints = name_constraints(arguments, names if isinstance(names, dict) else {})
    return {**before, **changes(arguments), "names": constraints}


def changes(arguments: Namespace) -> Object:
    """Return the fields of a policy that the arguments name, besides the names."""
    fields = [field for field in IssuancePolicy.__struct_fields__ if field != "names"]
    return {field: value for field in fields if (value := getattr(arguments, field)) is not None}


def name_constraints(arguments: Namespace, before: Object) -> Object:
    """Return name constraints as the arguments have them: a form that they name replaces what was."""
    constraints: Object = {}
    for place, verb in (("permitted", "permit"), ("excluded", "exclude")):
        space = before.get(place)
        given = {field: getattr(arguments, f"{verb}_{field}", None) for field in NameSpace.__struct_fields__}
        merged = {**(space if isinstance(space, dict) else {}), **{f: v for f, v in given.items() if v}}
        if merged:
            constraints[place] = merged
    return constraints


def defaults() -> Object:
    """Return the policy that an authority has until it is given another."""
    built: Object = msgspec.to_builtins(IssuancePolicy())
    return built


def common_name(row: show.Row) -> object:
    """Return the common name of a row's subject."""
    subject = row["subject"]
    return subject.get("common_name") if isinstance(subject, dict) else None


def _authority(session: Session) -> Object:
    as_of = {"as_of": getattr(session.arguments, "as_of", None)}
    return session.client.get(f"{PATH}/{segment(session.arguments.name)}", as_of)


HISTORY: list[show.Column] = [
    ("POSITION", lambda row: row["position"]),
    ("TIME", lambda row: show.when(row["time"])),
    ("WHO", lambda row: row["actor"]),
    ("WHAT", lambda row: row["type"]),
    ("SUMMARY", lambda row: row["summary"]),
]

BUNDLES = {
    "pem": "application/pem-certificate-chain",
    "pkcs7": "application/pkcs7-mime",
    "trust-store": "application/x-pkcs12",
}
BUNDLE = option("--form", choices=list(BUNDLES), default="pem", help="the form (default: pem)")

PURPOSES = ", ".join(values(ExtendedKeyUsage))
CRLS = option("--crls", action="store_true", help="their newest CRLs as well (pem only)")

POLICY = (
    option("--policy-file", metavar="FILE", help="the whole policy, in JSON"),
    option("--from-defaults", action="store_true", help="start from the default policy, not from the present one"),
    option("--maximum-days", dest="maximum_validity_days", type=int, metavar="DAYS", help="days of validity at most"),
    several("--key-type", "key_types", "KIND", "only these kinds of keys", choices=values(KeyType)),
    several("--purpose", "extended_key_usages", "PURPOSE", f"only these purposes: {PURPOSES}, or an OID"),
    option("--wildcards", action="store_const", const=True, help="allow wildcards"),
    option("--account-names", action="store_const", const=True, help="allow Active Directory accounts"),
    option(
        "--no-account-names",
        dest="account_names",
        action="store_const",
        const=False,
        help="refuse Active Directory accounts",
    ),
    option("--no-wildcards", dest="wildcards", action="store_const", const=False, help="refuse wildcards"),
    option(
        "--subordinates", dest="subordinate_authorities", action="store_const", const=True, help="allow authorities"
    ),
    option(
        "--no-subordinates",
        dest="subordinate_authorities",
        action="store_const",
        const=False,
        help="refuse authorities",
    ),
)

VERBS = (
    Verb(
        "authority create",
        create,
        (
            NAME,
            *SUBJECT,
            option("--issuer", metavar="NAME", help="the authority above (default: none, a root)"),
            KEY_TYPE,
            DAYS,
            option("--profile", metavar="NAME", help="what it is for (default: authority); es-pki profile list"),
            option("--path-length", type=int, metavar="COUNT", help="authorities that may stand below it in a chain"),
            *NAME_SPACES,
            PREVIEW,
            OUTPUT,
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("authority list", list_all, (AS_OF,)),
    Verb("authority show", one, (NAME_OR_ID, AS_OF)),
    Verb("authority pem", pem, (NAME_OR_ID, OUTPUT)),
    Verb("authority bundle", bundle, (NAME_OR_ID, BUNDLE, CRLS, OUTPUT, AS_OF)),
    Verb("authority history", history, (NAME_OR_ID, AS_OF)),
    Verb("authority policy", policy, (NAME_OR_ID, *POLICY, *NAME_SPACES, IDEMPOTENCY_KEY)),
)
