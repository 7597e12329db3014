"""Requests about services: what they are, and what they serve."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import asdict, replace

from es_pki.adapters.deployment.starting import start
from es_pki.adapters.intake.aggregates import Loaded
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    ReconfigureService,
    RegisterService,
    RetireService,
    ServiceRequest,
    UnbindCertificate,
    VerifyService,
)
from es_pki.commands import service
from es_pki.commands.refusals import Malformed
from es_pki.commands.service import ServiceCommand, State, registered
from es_pki.commands.service_kinds import installed
from es_pki.commands.usage import BeginUse, EndUse
from es_pki.decider import Guard
from es_pki.events.service import Installation, ServiceEvent, ServiceObserved

LONGEST_WAIT_SECONDS = 120
LOOK_SECONDS = 0.1

About = ReconfigureService | BindCertificate | UnbindCertificate | RetireService


async def take(office: Office, request: ServiceRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case RegisterService():
            return await register(office, request, asked, digest)
        case ReconfigureService() | BindCertificate() | UnbindCertificate() | RetireService():
            return await about(office, request, asked)
        case DeployCertificate():
            return await deploy(office, request, asked)
        case VerifyService():
            return await verify(office, request, asked)


async def register(office: Office, request: RegisterService, asked: Asked, digest: bytes) -> Answer:
    """Know a service from now on."""

    async def command() -> ServiceCommand:
        installation = installed(request.kind, request.name, request.folder, _given(request))
        office.allowed.check(installation)
        return service.RegisterService(request.name, request.kind, installation, digest)

    return await _handled(office, asked.new_id(), command, asked)


async def about(office: Office, request: About, asked: Asked) -> Answer:
    """Decide about a service that is known."""
    service_id = await office.service_id(request.service)

    async def command() -> ServiceCommand:
        state = (await office.aggregates.load(SERVICE, service_id)).state
        match request:
            case ReconfigureService():
                installation = replace(state.installation, **_given(request))
                office.allowed.check(installation)
                return service.ReconfigureService(installation)
            case BindCertificate():
                return await _binding(office, request, service_id, state)
            case UnbindCertificate():
                return service.UnbindCertificate(await _uses(office, service_id, state, {}))
            case RetireService(reason=reason):
                return service.RetireService(reason, await _uses(office, service_id, state, {}))

    return await _handled(office, service_id, command, asked)


async def _binding(office: Office, request: BindCertificate, service_id: str, state: State) -> ServiceCommand:
    certificate_id = await office.certificate_id(request.certificate)
    fallback_id = None
    if request.fallback_certificate is not None:
        fallback_id = await office.certificate_id(request.fallback_certificate, "fallback_certificate")
    wanted = {**({fallback_id: True} if fallback_id else {}), certificate_id: False}
    return service.BindCertificate(certificate_id, fallback_id, await _uses(office, service_id, state, wanted))


async def _uses(office: Office, service_id: str, state: State, wanted: Mapping[str, bool]) -> tuple[Guard, ...]:
    """Return what the certificates' streams say in the same append: who is used from now on, and who no more."""
    before, name, guards = state.certificate_ids, registered(state).name, []
    for certificate_id in dict.fromkeys((*before, *wanted)):
        change: BeginUse | EndUse = EndUse(service_id)
        if certificate_id in wanted:
            change = BeginUse(service_id, name, wanted[certificate_id])
        lineage, version, _ = await office.aggregates.load(CERTIFICATE, certificate_id)
        events = CERTIFICATE.decide(change, lineage)
        if events:
            guards.append(Guard(CERTIFICATE.stream(certificate_id), version, events=tuple(events)))
    return tuple(guards)


def _given(request: RegisterService | ReconfigureService) -> Mapping[str, Any]:
    """Return the fields of the installation that a request gives."""
    fields = ((name, getattr(request, name)) for name in Installation.__struct_fields__)
    return {name: value for name, value in fields if value is not None}


async def deploy(office: Office, request: DeployCertificate, asked: Asked) -> Answer:
    """Start a deployment, and wait for its outcome if that was asked for."""
    if not 0 <= request.wait_seconds <= LONGEST_WAIT_SECONDS:
        raise Malformed.at("wait_seconds", "waits are bounded", f"0 to {LONGEST_WAIT_SECONDS} seconds")
    service_id, deployment_id = await office.service_id(request.service), asked.new_id()
    handled = await start(office.aggregates, service_id, deployment_id, actor=asked.caller.name)
    ended = await _ended(office, service_id, deployment_id, request.wait_seconds)
    deployment = ended.state.deployments.newest
    result: dict[str, object] = {"deployment_id": deployment_id, "outcome": None}
    if deployment is not None and deployment.outcome is not None:
        result |= {"outcome": type(deployment.outcome).__name__, **asdict(deployment.outcome)}
    return _answer(service_id, ended.state, max(handled.position, ended.position), handled.events, result)


async def verify(office: Office, request: VerifyService, asked: Asked) -> Answer:
    """Look at what a service serves."""
    service_id = await office.service_id(request.service)
    handled = await office.observer.observe(service_id, actor=asked.caller.name)
    observed = handled.state.observed or ServiceObserved()
    return _answer(service_id, handled.state, handled.position, handled.events, asdict(observed))


async def _ended(office: Office, service_id: str, deployment_id: str, seconds: float) -> Loaded[State]:
    """Return the service once the deployment has ended, or as it is when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        loaded = await office.aggregates.load(SERVICE, service_id, afresh=True)
        running = loaded.state.deployments.running
        if running is None or running.started.deployment_id != deployment_id or loop.time() >= deadline:
            return loaded
        await asyncio.sleep(LOOK_SECONDS)


async def _handled(
    office: Office, service_id: str, command: Callable[[], Awaitable[ServiceCommand]], asked: Asked
) -> Answer:
    handled = await office.aggregates.handle(SERVICE, service_id, command, actor=asked.caller.name)
    return _answer(service_id, handled.state, handled.position, handled.events, {})


def _answer(
    service_id: str,
    state: State,
    position: int,
    events: tuple[ServiceEvent, ...],
    further: Mapping[str, object],
) -> Answer:
    return Answer(
        position=position,
        stream=SERVICE.stream(service_id),
        events=answered(events),
        result={
            "service_id": service_id,
            "name": registered(state).name,
            "kind": registered(state).kind,
            "certificate_id": state.bound.certificate_id if state.bound else None,
            "fallback_certificate_id": state.bound.fallback_certificate_id if state.bound else None,
            **further,
        },
    )
