"""How a version that an ACME directory issued is revoked (RFC 8555 section 7.6): asked of the directory, which decides.

The wish is recorded before the directory hears of it, and what the directory says after that.
"""

from msgspec import Struct

from es_pki.commands.lineage import State
from es_pki.commands.reasons import check_is_the_same
from es_pki.commands.versions import Version
from es_pki.events.certificate import (
    CertificateEvent,
    CertificateImported,
    CertificateRevoked,
    RevocationRefused,
    RevocationRequested,
)
from es_pki.values.acme import ACMEProblem


class RecordACMERevocation(Struct, frozen=True):
    """The directory revoked the version."""

    version: int


class RecordACMERevocationRefusal(Struct, frozen=True):
    """The directory doesn't revoke the version, and it is no use to ask the same again."""

    version: int
    problem: ACMEProblem


ACMERevocationCommand = RecordACMERevocation | RecordACMERevocationRefusal


def order_of(version: Version) -> str:
    """Return the id of the order by which a version came, "" for one that came otherwise."""
    return version.prepared.order_id if isinstance(version.prepared, CertificateImported) else ""


def request(version: Version, wish: RevocationRequested) -> list[CertificateEvent]:
    """Decide to ask the directory. Raises `AlreadyRevoked` while it was asked for another reason."""
    if version.requested is None:
        return [wish]
    check_is_the_same(version.requested, wish.reason, wish.invalidity_date)
    return []


def decide(command: ACMERevocationCommand, state: State) -> list[CertificateEvent]:
    """Turn what the directory said into events; nothing when nobody waits for it."""
    version = state.versions.get(command.version)
    if version is None or version.requested is None:
        return []
    match command:
        case RecordACMERevocation():
            return [_revoked(state.name, version, version.requested)]
        case RecordACMERevocationRefusal(problem=problem):
            return [RevocationRefused(command.version, problem)]


def _revoked(name: str, version: Version, wish: RevocationRequested) -> CertificateRevoked:
    return CertificateRevoked(
        version=wish.version,
        name=name,
        issuer_id="",
        serial_number=wish.serial_number,
        not_after=version.prepared.not_after,
        revoked_at=wish.revoked_at,
        reason=wish.reason,
        invalidity_date=wish.invalidity_date,
    )
