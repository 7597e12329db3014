"""The life of a service, for the views' tests."""

from collections.abc import Callable, Iterator
from random import Random

from es_pki.events.codec import Event
from es_pki.events.reservation import NameReserved
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


def service_life(random: Random, new_id: Callable[[], str], stream: str, name: str) -> Iterator[tuple[str, Event]]:
    """Yield what may happen to a service."""
    installation = Installation(owner="root")
    yield stream, ServiceRegistered(name, random.choice(list(ServiceKind)), installation, b"digest")
    yield f"service_name-{name}", NameReserved(stream)
    certificate_id = new_id()
    yield stream, CertificateBound(certificate_id, random.choice([None, new_id()]))
    if random.random() < 0.5:
        yield stream, InstallationAdopted(Installation(group="www-data"))
    for _ in range(random.randrange(3)):
        deployment_id = new_id()
        yield stream, DeploymentStarted(deployment_id, certificate_id, 1, "09" * 32, "05" * 32)
        yield (
            stream,
            random.choice(
                [
                    CertificateDeployed(deployment_id),
                    DeploymentFailed(deployment_id, DeploymentStep.RESTORE, "all is lost"),
                    DeploymentRolledBack(deployment_id, DeploymentStep.TEST, "a wrong pair"),
                ]
            ),
        )
    if random.random() < 0.3:
        yield stream, ServiceStopped("for now")
        yield stream, ServiceResumed(certificate_id)
    if random.random() < 0.5:
        yield stream, ServiceObserved("", (Drift.UNREACHABLE,), "connection refused")
    for _ in range(random.randrange(3)):
        rotation_id = new_id()
        yield stream, CHAPSecretPrepared(rotation_id, new_id())
        failed = CHAPRotationFailed(rotation_id, DeploymentStep.PROBE, "nobody can log in")
        yield stream, random.choice([CHAPSecretRotated(rotation_id), failed])
    if random.random() < 0.5:
        yield stream, CertificateUnbound(certificate_id)
    if random.random() < 0.3:
        yield stream, ServiceRetired("replaced")
