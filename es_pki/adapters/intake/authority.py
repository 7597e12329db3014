"""Requests about authorities."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from es_pki.adapters.entropy import serial_number
from es_pki.adapters.intake import importing
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import AUTHORITY
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import AuthorityRequest, CreateAuthority, ImportAuthority, SetIssuancePolicy
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.keys import stand_in
from es_pki.commands import authority, authority_creation
from es_pki.commands.authority import AuthorityCommand
from es_pki.commands.revocation_list import list_id


async def take(office: Office, request: AuthorityRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case CreateAuthority():
            return await create(office, request, asked, digest)
        case ImportAuthority():
            return await importing.bring_authority_in(office, request, asked)
        case SetIssuancePolicy():
            return await set_policy(office, request, asked)


async def create(office: Office, request: CreateAuthority, asked: Asked, digest: bytes) -> Answer:
    """Make the authority's key, prepare its certificate, sign it."""
    authority_id, command = await _creating(office, request, asked, digest)
    events = await office.with_new_key(AUTHORITY, authority_id, request.key_type, command, actor=asked.caller.name)
    signed = await office.signer.sign_authority(authority_id, actor=asked.caller.name)
    if signed.events:
        await office.crls.first(authority_id, list_id(authority_id, 0), asked.now, actor=asked.caller.name)
    return Answer(
        position=signed.position,
        stream=AUTHORITY.stream(authority_id),
        events=answered((*events, *signed.events)),
        result=await _result(office, authority_id, signed.state),
    )


class Plan(NamedTuple):
    """What `create` would do: the command that the request becomes, with a stand-in for the key."""

    authority_id: str
    command: Callable[[], Awaitable[authority_creation.CreateAuthority]]


async def plan_to_create(office: Office, request: CreateAuthority, asked: Asked) -> Plan:
    """Return what `create` would do."""
    authority_id, command = await _creating(office, request, asked, b"")
    return Plan(authority_id, lambda: command(MadeKey("", stand_in(request.key_type))))


class _Creating(NamedTuple):
    authority_id: str
    command: Callable[[MadeKey], Awaitable[authority_creation.CreateAuthority]]


async def _creating(office: Office, request: CreateAuthority, asked: Asked, digest: bytes) -> _Creating:
    authority_id = asked.new_id()
    subject = names.subject(request.subject)
    issuer_id = None if request.issuer is None else await office.authority_id(request.issuer, "issuer")
    number = serial_number()

    async def command(key: MadeKey) -> authority_creation.CreateAuthority:
        return authority_creation.CreateAuthority(
            authority_id=authority_id,
            name=request.name,
            profile=await office.profile(request.profile),
            subject=subject,
            issuer=None if issuer_id is None else await office.issuer(issuer_id),
            public_key=key.public_key,
            key_id=key.key_id,
            path_length=request.path_length,
            name_constraints=request.name_constraints,
            validity_days=request.validity_days,
            serial_number=number,
            now=asked.now,
            request_digest=digest,
        )

    return _Creating(authority_id, command)


async def set_policy(office: Office, request: SetIssuancePolicy, asked: Asked) -> Answer:
    """Have an authority issue under another policy."""
    authority_id = await office.authority_id(request.authority, "authority")

    async def command() -> AuthorityCommand:
        return authority.SetIssuancePolicy(request.policy)

    handled = await office.aggregates.handle(AUTHORITY, authority_id, command, actor=asked.caller.name)
    return Answer(
        position=handled.position,
        stream=AUTHORITY.stream(authority_id),
        events=answered(handled.events),
        result={"authority_id": authority_id, "policy": request.policy},
    )


async def _result(office: Office, authority_id: str, state: authority.State) -> dict[str, object]:
    prepared, certificate = state.prepared, state.certificate
    if prepared is None or certificate is None:
        raise authority.AuthorityMissing(f"there is no authority {authority_id}")
    return {
        "authority_id": authority_id,
        "name": prepared.name,
        "serial_number": prepared.serial_number,
        "not_after": prepared.not_after,
        "certificate_pem": await office.certificate_pem(certificate, prepared.issuer_id),
    }
