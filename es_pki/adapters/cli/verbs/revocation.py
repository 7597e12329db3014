"""`es-pki certificate revoke` and its like: what no longer holds, and the list of that."""

from es_pki.adapters.cli import show
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, Verb, filters, moment, option
from es_pki.adapters.cli.session import Session, print_object, print_rows
from es_pki.adapters.intake.requests import (
    HoldCertificate,
    PlanSupersession,
    ReleaseCertificate,
    RevokeAuthority,
    RevokeCertificate,
    WithdrawSupersession,
)
from es_pki.values import CRLReason


def revoke(session: Session) -> int:
    """Revoke a version of a certificate, for ever."""
    return print_object(session, session.send(RevokeCertificate))


def hold(session: Session) -> int:
    """Let a version of a certificate hold no more until it is released."""
    return print_object(session, session.send(HoldCertificate))


def release(session: Session) -> int:
    """Let a version of a certificate that is held hold again."""
    return print_object(session, session.send(ReleaseCertificate))


def supersede(session: Session) -> int:
    """Have an earlier version of a certificate revoked as superseded after some days."""
    return print_object(session, session.send(PlanSupersession))


def withdraw(session: Session) -> int:
    """Let an earlier version of a certificate hold until its end after all."""
    return print_object(session, session.send(WithdrawSupersession))


def revoke_authority(session: Session) -> int:
    """Revoke an authority, for ever: it issues nothing any more, and nobody accepts what it issued."""
    return print_object(session, session.send(RevokeAuthority))


def list_all(session: Session) -> int:
    """List what is revoked or held."""
    parameters = {**session.as_of(), **dict(session.arguments.filters or [])}
    return print_rows(session, COLUMNS, session.client.items("/api/v1/revocations", parameters))


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("WHAT", lambda row: row["kind"]),
    ("VERSION", lambda row: row["version"]),
    ("STATUS", lambda row: row["status"]),
    ("REASON", lambda row: row["reason"]),
    ("SINCE", lambda row: show.when(row["revoked_at"])),
    ("SERIAL NUMBER", lambda row: row["serial_number"]),
    ("UNTIL", lambda row: show.when(row["not_after"])),
    ("REVOKED BY", lambda row: row["revoked_by"]),
]

REASONS = [
    reason.value for reason in CRLReason if reason not in {CRLReason.CERTIFICATE_HOLD, CRLReason.REMOVE_FROM_CRL}
]
CERTIFICATE = option("certificate", metavar="NAME", help="its name or id")
WHICH = (
    option("--version", type=int, metavar="NUMBER", help="which version (default: the current one)"),
    option("--serial-number", metavar="HEX", help="the version with this serial number"),
)
REASON = option("--reason", choices=REASONS, help="why (default: unspecified)")
UNLESS_CURRENT = option(
    "--unless-current", action="store_const", const=True, help="refuse to revoke the version that is served"
)
AFTER_DAYS = option("--after-days", type=int, required=True, metavar="DAYS", help="when: so many days from now")
SINCE = option(
    "--invalid-since", dest="invalidity_date", metavar="TIME", type=moment, help="since when the key isn't trusted"
)

VERBS = (
    Verb("certificate revoke", revoke, (CERTIFICATE, *WHICH, REASON, SINCE, UNLESS_CURRENT, IDEMPOTENCY_KEY)),
    Verb("certificate hold", hold, (CERTIFICATE, *WHICH, IDEMPOTENCY_KEY)),
    Verb("certificate release", release, (CERTIFICATE, *WHICH, IDEMPOTENCY_KEY)),
    Verb("certificate supersede", supersede, (CERTIFICATE, *WHICH, AFTER_DAYS, IDEMPOTENCY_KEY)),
    Verb("certificate keep", withdraw, (CERTIFICATE, *WHICH, IDEMPOTENCY_KEY)),
    Verb(
        "authority revoke",
        revoke_authority,
        (option("authority", metavar="NAME", help="its name or id"), REASON, SINCE, IDEMPOTENCY_KEY),
    ),
    Verb("revocation list", list_all, (filters("authority_id, name, serial_number, status, reason, …"), AS_OF)),
)
