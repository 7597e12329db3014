"""The services: who is to serve which certificate, how each gets it, and what it has."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.happened import Happened
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Drift,
    Installation,
    InstallationAdopted,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)
from es_pki.projections.view import View, own_id

NAME = "services"
VERSION = 3


class DeploymentStatus(StrEnum):
    """How far a deployment has come."""

    RUNNING = "running"
    DEPLOYED = "deployed"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"


class Deployment(Struct, frozen=True):
    """A deployment. `fingerprint` is the SHA-256 of the DER certificate in hex; `as_fallback` tells that it is the
    fallback's.

    Where it failed, `step` and `reason` say how, and `words` what the service said; `was_seen` tells whether what was
    deployed was seen on the wire.
    """

    id: str
    certificate_id: str
    version: int
    fingerprint: str
    status: DeploymentStatus
    started_by: str
    started_at: datetime
    ended_at: datetime | None = None
    was_seen: bool = False
    step: DeploymentStep | None = None
    reason: str = ""
    words: str = ""
    as_fallback: bool = False


class Served(Struct, frozen=True):
    """What was seen on the wire, and since when: the fingerprint ("" for nothing), and how it differs from the plan."""

    fingerprint: str
    drift: tuple[Drift, ...]
    detail: str
    since: datetime


class CHAPSecret(Struct, frozen=True):
    """The rotation of a target's CHAP secret: of the newest, the status; `rotated_at` is when the present one came.

    Where it failed, `step` and `reason` say how, and `words` what the login said.
    """

    id: str
    status: DeploymentStatus
    started_by: str
    started_at: datetime
    rotated_at: datetime | None = None
    was_seen: bool = False
    step: DeploymentStep | None = None
    reason: str = ""
    words: str = ""


class ServiceStatus(StrEnum):
    """How a service stands: nothing is bound, nothing deployed or seen, all as it should be, or not.

    `fallen-back`: it has its fallback, since its own certificate ended without a successor.
    """

    UNBOUND = "unbound"
    BOUND = "bound"
    DEPLOYING = "deploying"
    SERVING = "serving"
    FAILED = "failed"
    DRIFTING = "drifting"
    STOPPED = "stopped"
    FALLEN_BACK = "fallen-back"
    RETIRED = "retired"


class Row(Struct, frozen=True):
    """One service. `retired_at` and `reason` tell of its end, `stopped_at` and `reason` of a rest.

    `deployment` is the newest; `deployed` the last that succeeded: what the service has, unless it was lost since;
    `served` is what was seen on the wire.
    """

    id: str
    name: str
    kind: ServiceKind
    installation: Installation
    registered_by: str
    registered_at: datetime
    status: ServiceStatus = ServiceStatus.UNBOUND
    certificate_id: str | None = None
    fallback_certificate_id: str | None = None
    bound_at: datetime | None = None
    deployment: Deployment | None = None
    deployed: Deployment | None = None
    served: Served | None = None
    chap: CHAPSecret | None = None
    stopped_at: datetime | None = None
    retired_at: datetime | None = None
    reason: str = ""

    @property
    def has_fallen_back(self) -> bool:
        """Tell whether it has its fallback."""
        deployed = self.deployed
        return deployed is not None and deployed.as_fallback and deployed.certificate_id == self.fallback_certificate_id


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the service's row after an event."""
    after = _changed(row, happened)
    return None if after is None else replace(after, status=_status(after))


def _status(row: Row) -> ServiceStatus:
    if row.retired_at is not None:
        return ServiceStatus.RETIRED
    if row.stopped_at is not None:
        return ServiceStatus.STOPPED
    if row.certificate_id is None:
        return ServiceStatus.UNBOUND if row.chap is None else _CHAP_STATUS[row.chap.status]
    newest = row.deployment.status if row.deployment else None
    if newest is DeploymentStatus.RUNNING:
        return ServiceStatus.DEPLOYING
    if row.served is not None and row.served.drift:
        return ServiceStatus.DRIFTING
    if newest in {DeploymentStatus.FAILED, DeploymentStatus.ROLLED_BACK}:
        return ServiceStatus.FAILED
    if row.has_fallen_back:
        return ServiceStatus.FALLEN_BACK
    return ServiceStatus.SERVING if newest or row.served else ServiceStatus.BOUND


_CHAP_STATUS = {
    DeploymentStatus.RUNNING: ServiceStatus.DEPLOYING,
    DeploymentStatus.DEPLOYED: ServiceStatus.SERVING,
    DeploymentStatus.FAILED: ServiceStatus.FAILED,
    DeploymentStatus.ROLLED_BACK: ServiceStatus.FAILED,
}


def _changed(row: Row | None, happened: Happened) -> Row | None:
    match happened.event:
        case ServiceRegistered(name=name, kind=kind, installation=installation):
            return Row(happened.id, name, kind, installation, happened.actor, happened.time)
        case _ if row is None:
            return None
        case InstallationAdopted(installation=installation):
            return replace(row, installation=installation)
        case CertificateBound(certificate_id=certificate_id, fallback_certificate_id=fallback_id):
            return replace(
                _unbound(row),
                certificate_id=certificate_id,
                fallback_certificate_id=fallback_id,
                bound_at=happened.time,
            )
        case CertificateUnbound():
            return _unbound(row)
        case ServiceStopped(reason=reason):
            return replace(row, stopped_at=happened.time, reason=reason, served=None)
        case ServiceResumed():
            return replace(row, stopped_at=None, reason="")
        case ServiceRetired(reason=reason):
            return replace(_unbound(row), retired_at=happened.time, reason=reason)
        case DeploymentStarted() as event:
            return replace(row, deployment=_started(event, happened))
        case CertificateDeployed() | DeploymentFailed() | DeploymentRolledBack() as event:
            return _ended(row, event, happened)
        case ServiceObserved(fingerprint=fingerprint, drift=drift, detail=detail):
            return replace(row, served=Served(fingerprint, drift, detail, happened.time))
        case CHAPSecretPrepared() | CHAPSecretRotated() | CHAPRotationFailed() as event:
            return replace(row, chap=_rotated(row.chap, event, happened))
        case _:
            return row


def _rotated(
    before: CHAPSecret | None, event: CHAPSecretPrepared | CHAPSecretRotated | CHAPRotationFailed, happened: Happened
) -> CHAPSecret | None:
    """Return how the rotation of a target's secret stands after an event of it."""
    if isinstance(event, CHAPSecretPrepared):
        rotated_at = before.rotated_at if before else None
        running = DeploymentStatus.RUNNING
        return CHAPSecret(event.rotation_id, running, happened.actor, happened.time, rotated_at)
    if before is None or before.id != event.rotation_id:
        return before
    if isinstance(event, CHAPSecretRotated):
        status = DeploymentStatus.DEPLOYED
        return replace(before, status=status, rotated_at=happened.time, was_seen=event.was_seen)
    is_lost = event.step is DeploymentStep.RESTORE
    status = DeploymentStatus.FAILED if is_lost else DeploymentStatus.ROLLED_BACK
    return replace(before, status=status, step=event.step, reason=event.reason, words=event.words)


def _unbound(row: Row) -> Row:
    """Return the row with nothing bound; what was seen was compared with what was."""
    return replace(row, certificate_id=None, fallback_certificate_id=None, bound_at=None, served=None)


def _started(event: DeploymentStarted, happened: Happened) -> Deployment:
    return Deployment(
        id=event.deployment_id,
        certificate_id=event.certificate_id,
        version=event.version,
        fingerprint=event.fingerprint,
        status=DeploymentStatus.RUNNING,
        started_by=happened.actor,
        started_at=happened.time,
        as_fallback=event.as_fallback,
    )


def _ended(row: Row, event: CertificateDeployed | DeploymentFailed | DeploymentRolledBack, happened: Happened) -> Row:
    """Return the row after an outcome of its newest deployment."""
    if row.deployment is None or row.deployment.id != event.deployment_id:
        return row
    ended = replace(row.deployment, ended_at=happened.time)
    match event:
        case CertificateDeployed(was_seen=was_seen):
            ended = replace(ended, status=DeploymentStatus.DEPLOYED, was_seen=was_seen)
            served = Served(ended.fingerprint, (), "", happened.time) if was_seen else row.served
            return replace(row, deployment=ended, deployed=ended, served=served)
        case DeploymentRolledBack(step=step, reason=reason, words=words):
            ended = replace(ended, status=DeploymentStatus.ROLLED_BACK, step=step, reason=reason, words=words)
            return replace(row, deployment=ended)
        case DeploymentFailed(step=step, reason=reason, words=words):
            ended = replace(ended, status=DeploymentStatus.FAILED, step=step, reason=reason, words=words)
            is_lost = step is DeploymentStep.RESTORE
            return replace(row, deployment=ended, deployed=None if is_lost else row.deployed)


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        ServiceRegistered,
        InstallationAdopted,
        CertificateBound,
        CertificateUnbound,
        ServiceStopped,
        ServiceResumed,
        ServiceRetired,
        DeploymentStarted,
        CertificateDeployed,
        DeploymentFailed,
        DeploymentRolledBack,
        ServiceObserved,
        CHAPSecretPrepared,
        CHAPSecretRotated,
        CHAPRotationFailed,
    ),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "kind", "status", "certificate_id"),
    lookups=("name", "certificate_id"),
)
