"""Requests about services: what they are, and what they serve."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    BindCertificate,
    ReconfigureService,
    RegisterService,
    RetireService,
    ServiceRequest,
    UnbindCertificate,
)
from es_pki.commands import service
from es_pki.commands.service import ServiceCommand, State, registered
from es_pki.commands.service_kinds import installed
from es_pki.commands.usage import BeginUse, EndUse
from es_pki.decider import Guard
from es_pki.events.service import Installation

About = ReconfigureService | BindCertificate | UnbindCertificate | RetireService


async def take(office: Office, request: ServiceRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case RegisterService():
            return await register(office, request, asked, digest)
        case ReconfigureService() | BindCertificate() | UnbindCertificate() | RetireService():
            return await about(office, request, asked)


async def register(office: Office, request: RegisterService, asked: Asked, digest: bytes) -> Answer:
    """Know a service from now on."""

    async def command() -> ServiceCommand:
        installation = installed(request.kind, request.name, request.folder, _given(request))
        return service.RegisterService(request.name, request.kind, installation, digest)

    return await _handled(office, asked.new_id(), command, asked)


async def about(office: Office, request: About, asked: Asked) -> Answer:
    """Decide about a service that is known."""
    service_id = await office.service_id(request.service)

    async def command() -> ServiceCommand:
        state = (await office.aggregates.load(SERVICE, service_id)).state
        match request:
            case ReconfigureService():
                return service.ReconfigureService(replace(state.installation, **_given(request)))
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


async def _handled(
    office: Office, service_id: str, command: Callable[[], Awaitable[ServiceCommand]], asked: Asked
) -> Answer:
    handled = await office.aggregates.handle(SERVICE, service_id, command, actor=asked.caller.name)
    state = handled.state
    return Answer(
        position=handled.position,
        stream=SERVICE.stream(service_id),
        events=answered(handled.events),
        result={
            "service_id": service_id,
            "name": registered(state).name,
            "kind": registered(state).kind,
            "certificate_id": state.bound.certificate_id if state.bound else None,
            "fallback_certificate_id": state.bound.fallback_certificate_id if state.bound else None,
        },
    )
