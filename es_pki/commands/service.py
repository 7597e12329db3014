"""Services: who serves which certificate, and how each gets it."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands import chap, deployment
from es_pki.commands.chap import CHAPSecrets, RecordCHAPRotation, RotateCHAPSecret, check_none_rotates
from es_pki.commands.deployment import Deployments, RecordDeployment, StartDeployment, check_none_runs
from es_pki.commands.drift import RecordObservation
from es_pki.commands.installation import installation_violations
from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Decider, Guard, Kind, Refused, RequestReused, Reservation, Violation
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
    Installation,
    InstallationAdopted,
    ServiceEvent,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)

CATEGORY = "service"

LONGEST_REASON = 200


# Commands


class RegisterService(Struct, frozen=True):
    """Know a service from now on."""

    name: str
    kind: ServiceKind
    installation: Installation
    request_digest: bytes


class ReconfigureService(Struct, frozen=True):
    """Have a service get its certificates in another way."""

    installation: Installation


class BindCertificate(Struct, frozen=True):
    """Have a service serve a certificate. `uses`: what the certificates' own streams say of it in the same append."""

    certificate_id: str
    fallback_certificate_id: str | None
    uses: tuple[Guard, ...]


class UnbindCertificate(Struct, frozen=True):
    """Have a service serve nothing that is known here."""

    uses: tuple[Guard, ...]


class StopService(Struct, frozen=True):
    """Have a service hold no certificate for now."""

    reason: str
    uses: tuple[Guard, ...]


class ResumeService(Struct, frozen=True):
    """Have a stopped service use again what it is bound to."""

    uses: tuple[Guard, ...]


class RetireService(Struct, frozen=True):
    """Be done with a service."""

    reason: str
    uses: tuple[Guard, ...]


ServiceCommand = (
    RegisterService
    | ReconfigureService
    | BindCertificate
    | UnbindCertificate
    | StopService
    | ResumeService
    | RetireService
    | StartDeployment
    | RecordDeployment
    | RecordObservation
    | RotateCHAPSecret
    | RecordCHAPRotation
)


# Refusals


class ServiceMissing(Refused):
    """There is no service with this id or name. `GET /api/v1/services` lists them."""

    kind = Kind.MISSING


class ServiceDone(Refused):
    """The service was retired. Register a new one, under another name."""

    kind = Kind.CLASHING


class ServiceIsStopped(Refused):
    """The service is stopped. Resume it first."""

    kind = Kind.CLASHING


class NothingToLookAt(Refused):
    """The service has no address at which to see what it serves. Reconfigure it with a `probe`."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a service read.

    `installation` is the present one, `bound` what it is to serve, `observed` what was seen the last time.
    """

    registered: ServiceRegistered | None = None
    installation: Installation = Installation()
    bound: CertificateBound | None = None
    is_stopped: bool = False
    is_retired: bool = False
    deployments: Deployments = Deployments()
    observed: ServiceObserved | None = None
    chap: CHAPSecrets = CHAPSecrets()

    @property
    def certificate_ids(self) -> dict[str, bool]:
        """Return the ids of the certificates that it uses, each with whether it is the fallback; none while stopped."""
        if self.bound is None or self.is_stopped:
            return {}
        fallback = self.bound.fallback_certificate_id
        return {self.bound.certificate_id: False, **({fallback: True} if fallback else {})}


def evolve(state: State, event: ServiceEvent) -> State:
    """Fold one event."""
    match event:
        case ServiceRegistered(installation=installation):
            return replace(state, registered=event, installation=installation)
        case InstallationAdopted(installation=installation):
            return replace(state, installation=installation)
        case CertificateBound():
            return replace(state, bound=event, observed=None)
        case CertificateUnbound():
            return replace(state, bound=None, observed=None)
        case ServiceStopped():
            return replace(state, observed=None, is_stopped=True)
        case ServiceResumed():
            return replace(state, is_stopped=False)
        case ServiceRetired():
            return replace(state, bound=None, observed=None, is_retired=True)
        case DeploymentStarted():
            return replace(state, deployments=replace(state.deployments, newest=deployment.Deployment(event)))
        case CertificateDeployed() | DeploymentFailed() | DeploymentRolledBack():
            return _ended(state, event)
        case ServiceObserved():
            return replace(state, observed=event)
        case CHAPSecretPrepared():
            return replace(state, chap=CHAPSecrets(event, current=state.chap.current))
        case CHAPSecretRotated() | CHAPRotationFailed():
            return replace(state, chap=chap.ended(state.chap, event))


def _ended(state: State, outcome: deployment.Outcome) -> State:
    """Fold the outcome of a deployment; one that was seen on the wire is an observation too."""
    after = deployment.ended(state.deployments, outcome)
    observed = state.observed
    if isinstance(outcome, CertificateDeployed) and outcome.was_seen and after.deployed is not None:
        observed = ServiceObserved(after.deployed.fingerprint)
    return replace(state, deployments=after, observed=observed)


def registered(state: State) -> ServiceRegistered:
    """Return how the service began. Raises `ServiceMissing`."""
    if state.registered is None:
        detail = "there is no such service"
        raise ServiceMissing(detail, Violation("service", "services are named", detail))
    return state.registered


def check_is_there(state: State) -> None:
    """Raise `ServiceMissing`, or `ServiceDone` for a retired service."""
    name = registered(state).name
    if state.is_retired:
        detail = f"the service {name} was retired"
        raise ServiceDone(detail, Violation("service", "what is retired stays retired", detail))


def check_runs(state: State) -> None:
    """Raise `ServiceIsStopped`, and what `check_is_there` raises."""
    check_is_there(state)
    if state.is_stopped:
        detail = f"the service {registered(state).name} is stopped"
        raise ServiceIsStopped(detail, Violation("service", "what is stopped stands still", detail))


# Decide


def decide(command: ServiceCommand, state: State) -> list[ServiceEvent]:
    """Turn a command into events."""
    match command:
        case RegisterService():
            return _register(command, state)
        case ReconfigureService():
            return _reconfigure(command, state)
        case BindCertificate():
            return _bind(command, state)
        case UnbindCertificate():
            check_is_there(state)
            return [] if state.bound is None else [CertificateUnbound(state.bound.certificate_id)]
        case StopService():
            return _stop(command, state)
        case ResumeService():
            check_is_there(state)
            return [ServiceResumed(state.bound.certificate_id if state.bound else "")] if state.is_stopped else []
        case RetireService():
            return _retire(command, state)
        case StartDeployment():
            check_runs(state)
            return [*deployment.start(command, state.deployments, state.bound, state.installation)]
        case RecordDeployment():
            return [*deployment.record(command, state.deployments)]
        case RecordObservation():
            return _observe(command, state)
        case RotateCHAPSecret():
            check_is_there(state)
            return [*chap.rotate(command, state.chap, state.installation)]
        case RecordCHAPRotation():
            return [*chap.record(command, state.chap)]


def _register(command: RegisterService, state: State) -> list[ServiceEvent]:
    if state.registered is not None:
        if state.registered.request_digest != command.request_digest:
            raise RequestReused("this id or Idempotency-Key was used for another service")
        return []
    RulesBroken.if_any([*own_name_violations(command.name), *installation_violations(command.installation)])
    return [ServiceRegistered(command.name, command.kind, command.installation, command.request_digest)]


def _reconfigure(command: ReconfigureService, state: State) -> list[ServiceEvent]:
    check_is_there(state)
    if command.installation == state.installation:
        return []
    check_none_runs(state.deployments)
    check_none_rotates(state.chap)
    RulesBroken.if_any(installation_violations(command.installation))
    return [InstallationAdopted(command.installation)]


def _bind(command: BindCertificate, state: State) -> list[ServiceEvent]:
    check_runs(state)
    bound = CertificateBound(command.certificate_id, command.fallback_certificate_id)
    if bound == state.bound:
        return []
    if bound.certificate_id == bound.fallback_certificate_id:
        detail = "a certificate can't stand in for itself"
        RulesBroken.if_any([Violation("fallback_certificate", "a fallback is another certificate", detail)])
    return [bound]


def _observe(command: RecordObservation, state: State) -> list[ServiceEvent]:
    """Record only what changed: a look that sees the same again is no event, whatever else it says."""
    check_runs(state)
    before, seen = state.observed, command.observed
    if before is not None and (before.fingerprint, before.drift) == (seen.fingerprint, seen.drift):
        return []
    return [seen]


def _stop(command: StopService, state: State) -> list[ServiceEvent]:
    check_is_there(state)
    if state.is_stopped:
        return []
    check_none_runs(state.deployments)
    _check_reason(command.reason)
    return [ServiceStopped(command.reason)]


def _check_reason(reason: str) -> None:
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        detail = f"at most {LONGEST_REASON} printable characters"
        RulesBroken.if_any([Violation("reason", "a reason is one line", detail)])


def _retire(command: RetireService, state: State) -> list[ServiceEvent]:
    registered(state)
    if state.is_retired:
        return []
    check_none_runs(state.deployments)
    check_none_rotates(state.chap)
    _check_reason(command.reason)
    return [ServiceRetired(command.reason, chap.key_ids(state.chap.current))]


# The aggregate


def reservations(event: ServiceEvent, service_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the service: its name, for ever."""
    match event:
        case ServiceRegistered(name=name):
            return (Reservation(f"service_name-{name}", NameReserved(service_id), taken("name", name, CATEGORY)),)
        case _:
            return ()


def guards(command: ServiceCommand) -> Sequence[Guard]:
    """Return what the certificates' streams say of it: none is deleted while it is bound, nor bound once deleted."""
    match command:
        case BindCertificate() | UnbindCertificate() | StopService() | ResumeService() | RetireService():
            return command.uses
        case StartDeployment(still_current=still_current):
            return (still_current,)
        case _:
            return ()


ServiceDecider = Decider[ServiceCommand, State, ServiceEvent]

decider: ServiceDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations, guards=guards
)
