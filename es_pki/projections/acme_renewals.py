"""The renewals of certificates that came from ACME directories: when each is due, and why one failed."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned
from es_pki.events.certificate import CertificateDeleted, CertificateRenamed
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values.acme import ACMEProblem

NAME = "acme_renewals"
VERSION = 2


class Status(StrEnum):
    """How the renewal of a version stands: `failing` is attempted again, `missed` ended before it was replaced."""

    PLANNED = "planned"
    FAILING = "failing"
    MISSED = "missed"


class Row(Struct, frozen=True):
    """One certificate, by its id: the version that is to be replaced, and when.

    `suggested`: the window is the directory's, who says why at `explanation`; `revoked`: there is none, since the
    version was revoked, or is to be. `attempts` failed since, the last for `problem`; `next_attempt` None: none
    failed, or nobody wants it any more.
    """

    id: str
    name: str
    status: Status
    version: int
    not_after: datetime
    planned_at: datetime
    window_start: datetime
    window_end: datetime
    suggested: bool
    explanation: str
    revoked: bool
    attempts: int = 0
    problem: ACMEProblem | None = None
    next_attempt: datetime | None = None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the certificate's row after an event."""
    match happened.event:
        case ACMERenewalPlanned() as plan:
            return _planned(row, plan, happened.id)
        case ACMERenewalFailed() as failed if row is not None and failed.version == row.version:
            status = row.status if row.status is Status.MISSED else Status.FAILING
            attempts = failed.attempt
            return replace(
                row, status=status, attempts=attempts, problem=failed.problem, next_attempt=failed.next_attempt
            )
        case ACMERenewalMissed(version=version) if row is not None and version == row.version:
            return replace(row, status=Status.MISSED)
        case CertificateDeleted():
            return None
        case CertificateRenamed(name=name) if row is not None:
            return replace(row, name=name)
        case _:
            return row


def _planned(before: Row | None, plan: ACMERenewalPlanned, certificate_id: str) -> Row:
    row = Row(
        id=certificate_id,
        name=plan.name,
        status=Status.PLANNED,
        version=plan.version,
        not_after=plan.not_after,
        planned_at=plan.at,
        window_start=plan.window_start,
        window_end=plan.window_end,
        suggested=plan.suggested,
        explanation=plan.explanation,
        revoked=plan.revoked,
    )
    if before is None or before.version != plan.version:
        return row
    next_attempt = plan.at if plan.revoked and before.problem else before.next_attempt
    return replace(
        row, status=before.status, attempts=before.attempts, problem=before.problem, next_attempt=next_attempt
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(ACMERenewalPlanned, ACMERenewalFailed, ACMERenewalMissed, CertificateRenamed, CertificateDeleted),
    key=own_id,
    evolve=evolve,
    order_by="planned_at",
    filters=("name", "status"),
    lookups=("name",),
)
