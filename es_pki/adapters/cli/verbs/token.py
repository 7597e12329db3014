"""`es-pki token`: who is let in."""

from es_pki.adapters.cli import show
from es_pki.adapters.cli.client import Object
from es_pki.adapters.cli.files import SecretFile
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, Verb, moment, option, several, values
from es_pki.adapters.cli.session import Misused, Session, print_object, print_rows
from es_pki.adapters.intake.requests import AdmitClient, CreateToken, RevokeToken
from es_pki.values import Role


def create(session: Session) -> int:
    """Let a new principal in; its token is shown once, or written to a file (0600)."""
    file = session.arguments.output
    if file is None:
        result = session.send(CreateToken)
        if session.wants_json:
            return print_object(session, result)
        show.note(f"the token of {result['name']}: it is shown only now")
        show.say(_token(result))
        return 0
    with SecretFile(file) as secret:
        result = session.send(CreateToken)
        secret.write(_token(result))
    if session.wants_json:
        return print_object(session, {**result, "token": None})
    show.note(f"the token of {result['name']} lies in {file}; it is kept nowhere else")
    return 0


def admit(session: Session) -> int:
    """Let a new principal in by its certificate."""
    return print_object(session, session.send(AdmitClient))


def list_all(session: Session) -> int:
    """List the principals, their roles and how long their tokens open anything."""
    return print_rows(session, TOKENS, session.client.items("/api/v1/tokens", session.as_of()))


def revoke(session: Session) -> int:
    """Lock a principal out."""
    return print_object(session, session.send(RevokeToken))


def _token(result: Object) -> str:
    token = result.get("token")
    if not isinstance(token, str):
        raise Misused("this token was created before, under the same idempotency key, and was shown then")
    return token


TOKENS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("ROLES", lambda row: ", ".join(map(str, roles)) if isinstance(roles := row["roles"], list) else ""),
    ("CREATED", lambda row: show.when(row["created"])),
    ("EXPIRES", lambda row: show.when(row["expires"])),
    ("REVOKED", lambda row: show.when(row["revoked"])),
]

VERBS = (
    Verb(
        "token create",
        create,
        (
            NAME,
            several("--role", "roles", "ROLE", "what it may do", choices=values(Role), required=True),
            option("--expires", type=moment, metavar="TIME", help="when it stops opening anything (default: never)"),
            option("-o", "--output", metavar="FILE", help="write the token to a new file (0600)"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb(
        "token admit",
        admit,
        (
            NAME,
            several("--role", "roles", "ROLE", "what it may do", choices=values(Role), required=True),
            option("--certificate", metavar="CERTIFICATE", help="its certificate, one of ours, by name or id"),
            option("--fingerprint", metavar="SHA256", help="or the SHA-256 of a foreign one, in hex"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("token list", list_all, (AS_OF,)),
    Verb(
        "token revoke",
        revoke,
        (
            option("principal", metavar="NAME", help="its name or id"),
            option("--reason", metavar="TEXT", help="why"),
            IDEMPOTENCY_KEY,
        ),
    ),
)
