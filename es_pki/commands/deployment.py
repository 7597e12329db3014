"""Deployments of a service: one at a time, each ended by one outcome; what is on the wire decides which.

This is the part of a service's state and decisions that knows them; `service.py` is the aggregate.
"""

from msgspec import Struct
from msgspec.structs import replace

from es_pki.decider import Guard, Kind, Refused, Violation
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Installation,
)

Outcome = CertificateDeployed | DeploymentFailed | DeploymentRolledBack


class StartDeployment(Struct, frozen=True):
    """Bring a version of the bound certificate to the service; `key_is_here` tells whether its key is kept here.

    `unless_deployed`: only if the service doesn't have it. `still_current` guards that it is the version to serve.
    """

    started: DeploymentStarted
    key_is_here: bool
    unless_deployed: bool
    still_current: Guard


class RecordDeployment(Struct, frozen=True):
    """Record what became of a deployment."""

    outcome: Outcome


class NothingBound(Refused):
    """No certificate is bound to the service. Bind one first."""

    kind = Kind.CLASHING


class NothingInstalled(Refused):
    """The service has neither files nor a reload nor an address to look at. Reconfigure it first."""

    kind = Kind.CLASHING


class DeploymentRunning(Refused):
    """A deployment of this service has not ended yet. Wait until it has: `GET /api/v1/services/{id}` shows it."""

    kind = Kind.CLASHING


class KeyNotHere(Refused):
    """The service needs a file with the private key, which isn't kept here. Import the certificate with its key."""

    kind = Kind.CLASHING


class Deployment(Struct, frozen=True):
    """A deployment, and its outcome; None while it runs."""

    started: DeploymentStarted
    outcome: Outcome | None = None


class Deployments(Struct, frozen=True):
    """What decisions read of a service's deployments: the newest, and the last that succeeded."""

    newest: Deployment | None = None
    deployed: DeploymentStarted | None = None

    @property
    def running(self) -> Deployment | None:
        """Return the deployment that has not ended."""
        return self.newest if self.newest is not None and self.newest.outcome is None else None

    @property
    def fingerprint(self) -> str | None:
        """Return the fingerprint of what the service has for sure, None while nothing is."""
        outcome = self.newest.outcome if self.newest is not None else None
        is_lost = isinstance(outcome, DeploymentFailed) and outcome.step is DeploymentStep.RESTORE
        return None if is_lost or self.deployed is None else self.deployed.fingerprint


def ended(deployments: Deployments, outcome: Outcome) -> Deployments:
    """Fold an outcome; one of another deployment than the newest changes nothing."""
    newest = deployments.newest
    if newest is None or newest.started.deployment_id != outcome.deployment_id:
        return deployments
    deployed = newest.started if isinstance(outcome, CertificateDeployed) else deployments.deployed
    return Deployments(replace(newest, outcome=outcome), deployed)


def check_none_runs(deployments: Deployments) -> None:
    """Raise `DeploymentRunning` while one does."""
    if deployments.running is not None:
        detail = f"the deployment {deployments.running.started.deployment_id} has not ended"
        raise DeploymentRunning(detail, Violation("service", "deployments take turns", detail))


def check_is_bound(bound: CertificateBound | None) -> CertificateBound:
    """Return what is bound. Raises `NothingBound`."""
    if bound is None:
        detail = "no certificate is bound to the service"
        raise NothingBound(detail, Violation("service", "what is deployed is bound", detail))
    return bound


def check_has_fallback(bound: CertificateBound) -> str:
    """Return the id of the fallback. Raises `NothingBound`."""
    if bound.fallback_certificate_id is None:
        detail = "no fallback is bound to the service"
        raise NothingBound(detail, Violation("service", "what is deployed is bound", detail))
    return bound.fallback_certificate_id


def served_instead(deployments: Deployments, bound: CertificateBound) -> str | None:
    """Return the id of the fallback while the service has that, None otherwise."""
    deployed, fallback_id = deployments.deployed, bound.fallback_certificate_id
    is_fallback = deployed is not None and deployed.as_fallback and deployed.certificate_id == fallback_id
    return fallback_id if is_fallback else None


def start(
    command: StartDeployment, deployments: Deployments, bound: CertificateBound | None, installation: Installation
) -> list[DeploymentStarted]:
    """Decide that a version is brought to the service."""
    started = command.started
    if deployments.newest is not None and deployments.newest.started.deployment_id == started.deployment_id:
        return []
    check_is_bound(bound)
    if command.unless_deployed and deployments.fingerprint == started.fingerprint:
        return []
    check_none_runs(deployments)
    if not is_installed(installation):
        detail = "the service has neither files nor a reload nor an address to look at"
        raise NothingInstalled(detail, Violation("service", "there is something to deploy", detail))
    if started.leaves_key and not command.key_is_here:
        detail = "the certificate's private key is kept elsewhere, and the service needs it in a file"
        raise KeyNotHere(detail, Violation("service", "a key comes from its keeper", detail))
    return [started]


def is_installed(installation: Installation) -> bool:
    """Tell whether there is anything to deploy with, or to look at."""
    reloads = installation.reload_command or installation.reload_signal
    return bool(installation.files or reloads or installation.probe.address)


def record(command: RecordDeployment, deployments: Deployments) -> list[Outcome]:
    """Decide that a deployment ended so; one that ended before, or never was, ends no more."""
    running = deployments.running
    if running is None or running.started.deployment_id != command.outcome.deployment_id:
        return []
    return [command.outcome]
