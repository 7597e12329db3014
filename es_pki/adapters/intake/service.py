"""Requests about services: what they are, and what they serve."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from es_pki.adapters.deployment.chap import PURPOSE as CHAP_SECRET
from es_pki.adapters.deployment.starting import start
from es_pki.adapters.entropy import chap_secret
from es_pki.adapters.intake.aggregates import Loaded
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    ReconfigureService,
    RegisterService,
    ResumeService,
    RetireService,
    RotateCHAPSecret,
    ServiceRequest,
    StopService,
    UnbindCertificate,
    VerifyService,
)
from es_pki.commands import chap, service
from es_pki.commands.refusals import Malformed
from es_pki.commands.service import ServiceCommand, State, registered
from es_pki.commands.service_kinds import changed, installed
from es_pki.commands.usage import BeginUse, EndUse
from es_pki.decider import Guard, Refused
from es_pki.events.service import CHAPSecretPrepared, Installation, ServiceEvent, ServiceObserved
from eventlog import Conflict

LONGEST_WAIT_SECONDS = 120
LOOK_SECONDS = 0.1

About = ReconfigureService | BindCertificate | UnbindCertificate | StopService | ResumeService | RetireService


async def take(office: Office, request: ServiceRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case RegisterService():
            return await register(office, request, asked, digest)
        case (
            ReconfigureService()
            | BindCertificate()
            | UnbindCertificate()
            | StopService()
            | ResumeService()
            | RetireService()
        ):
            return await about(office, request, asked)
        case DeployCertificate():
            return await deploy(office, request, asked)
        case VerifyService():
            return await verify(office, request, asked)
        case RotateCHAPSecret():
            return await rotate(office, request, asked)


async def register(office: Office, request: RegisterService, asked: Asked, digest: bytes) -> Answer:
    """Know a service from now on."""

    async def command() -> ServiceCommand:
        given = await _given(office, request, "")
        installation = installed(request.kind, request.name, request.folder, given)
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
                installation = changed(state.installation, await _given(office, request, service_id))
                office.allowed.check(installation)
                return service.ReconfigureService(installation)
            case BindCertificate():
                return await _binding(office, request, service_id, state)
            case UnbindCertificate():
                return service.UnbindCertificate(await _uses(office, service_id, state, {}))
            case StopService(reason=reason):
                return service.StopService(reason, await _uses(office, service_id, state, {}))
            case ResumeService():
                wanted = replace(state, is_stopped=False).certificate_ids
                return service.ResumeService(await _uses(office, service_id, state, wanted))
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


async def _given(office: Office, request: RegisterService | ReconfigureService, service_id: str) -> Mapping[str, Any]:
    """Return the fields of the installation that a request gives; other services by their ids."""
    fields = ((name, getattr(request, name)) for name in Installation.__struct_fields__)
    given = {name: value for name, value in fields if value is not None}
    if request.after is not None:
        given["after"] = tuple([await office.service_id(name) for name in request.after])
        await _check_no_circle(office, service_id, given["after"])
    return given


async def _check_no_circle(office: Office, service_id: str, after: Sequence[str]) -> None:
    """Refuse that services wait for each other."""
    ahead, known = list(after), set(after)
    while ahead and service_id not in known:
        state = (await office.aggregates.load(SERVICE, ahead.pop())).state
        ahead += [each for each in state.installation.after if each not in known]
        known |= set(state.installation.after)
    if service_id in known:
        raise Malformed.at("after", "services are in order", "the service would come after itself")


async def deploy(office: Office, request: DeployCertificate, asked: Asked) -> Answer:
    """Start a deployment, and wait for its outcome if that was asked for."""
    _check_wait(request.wait_seconds)
    service_id, deployment_id = await office.service_id(request.service), asked.new_id()
    handled = await start(office.aggregates, service_id, deployment_id, actor=asked.caller.name)
    ended = await _until(office, service_id, lambda state: not _runs(state, deployment_id), request.wait_seconds)
    deployment = ended.state.deployments.newest
    result: dict[str, object] = {"deployment_id": deployment_id, "outcome": None}
    if deployment is not None and deployment.outcome is not None:
        result |= {"outcome": type(deployment.outcome).__name__, **asdict(deployment.outcome)}
    return _answer(service_id, ended.state, max(handled.position, ended.position), handled.events, result)


async def rotate(office: Office, request: RotateCHAPSecret, asked: Asked) -> Answer:
    """Make secrets and start the rotation to them; wait for its outcome if that was asked for."""
    _check_wait(request.wait_seconds)
    service_id, rotation_id = await office.service_id(request.service), asked.new_id()
    installation = (await office.aggregates.load(SERVICE, service_id, afresh=True)).state.installation

    def command(key_id: str = "", target_key_id: str = "") -> Callable[[], Awaitable[ServiceCommand]]:
        async def prepared() -> ServiceCommand:
            return chap.RotateCHAPSecret(CHAPSecretPrepared(rotation_id, key_id, target_key_id))

        return prepared

    kept: list[str] = []
    if await office.aggregates.preview(SERVICE, service_id, command()):
        for _ in range(2 if installation.chap_target_user else 1):
            secret = chap_secret(installation.chap_secret_length).encode()
            kept.append(await office.keys.keep(secret, purpose=CHAP_SECRET, owner=service_id))
    try:
        handled = await office.aggregates.handle(SERVICE, service_id, command(*kept), actor=asked.caller.name)
    except (Refused, Conflict):
        await _discard(office, kept)
        raise
    if not handled.events:
        await _discard(office, kept)
    ended = await _until(office, service_id, lambda state: not _rotates(state, rotation_id), request.wait_seconds)
    secrets = ended.state.chap
    outcome = secrets.outcome if secrets.newest and secrets.newest.rotation_id == rotation_id else None
    result: dict[str, object] = {"rotation_id": rotation_id, "outcome": None}
    if outcome is not None:
        result |= {"outcome": type(outcome).__name__, **asdict(outcome)}
    return _answer(service_id, ended.state, max(handled.position, ended.position), handled.events, result)


def _rotates(state: State, rotation_id: str) -> bool:
    return state.chap.running is not None and state.chap.running.rotation_id == rotation_id


async def _discard(office: Office, key_ids: Sequence[str]) -> None:
    for key_id in key_ids:
        await office.keys.discard(key_id)


async def verify(office: Office, request: VerifyService, asked: Asked) -> Answer:
    """Look at what a service serves."""
    service_id = await office.service_id(request.service)
    handled = await office.observer.observe(service_id, actor=asked.caller.name)
    observed = handled.state.observed or ServiceObserved()
    return _answer(service_id, handled.state, handled.position, handled.events, asdict(observed))


def _runs(state: State, deployment_id: str) -> bool:
    running = state.deployments.running
    return running is not None and running.started.deployment_id == deployment_id


def _check_wait(seconds: int) -> None:
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise Malformed.at("wait_seconds", "waits are bounded", f"0 to {LONGEST_WAIT_SECONDS} seconds")


async def _until(office: Office, service_id: str, has_ended: Callable[[State], bool], seconds: float) -> Loaded[State]:
    """Return the service once something has ended, or as it is when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        loaded = await office.aggregates.load(SERVICE, service_id, afresh=True)
        if has_ended(loaded.state) or loop.time() >= deadline:
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
