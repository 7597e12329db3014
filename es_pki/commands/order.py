"""The order among services of one certificate: which of them a service comes after, and whether it may go ahead."""

from enum import Enum

from es_pki.commands.service import State, registered
from es_pki.events.service import CertificateDeployed


class Turn(Enum):
    """Whether a service that comes before another lets that one go ahead, has yet to, or never will by itself."""

    COME = "come"
    AWAITED = "awaited"
    LOST = "lost"


def turn(before: State, certificate_id: str, fingerprint: str) -> Turn:
    """Tell how a service that comes before stands with a version. Who serves something else holds nobody back."""
    if before.is_stopped or before.bound is None or before.bound.certificate_id != certificate_id:
        return Turn.COME
    if before.deployments.fingerprint == fingerprint and before.deployments.running is None:
        return Turn.COME
    newest = before.deployments.newest
    if newest is not None and newest.started.fingerprint == fingerprint and newest.outcome is not None:
        return Turn.LOST
    return Turn.AWAITED


def held_back(before: State) -> str:
    """Say why a service that doesn't let another go ahead holds it back."""
    name, newest = registered(before).name, before.deployments.newest
    if newest is None or newest.outcome is None or isinstance(newest.outcome, CertificateDeployed):
        return f"the service {name}, which comes before, doesn't have this version yet: deploy it first"
    outcome = newest.outcome
    return f"the service {name}, which comes before, failed at the step {outcome.step}: {outcome.reason}"[:500]
