"""Requests about principals and their tokens."""

import hashlib

from es_pki.adapters.entropy import token
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE, PRINCIPAL
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import AdmitClient, CreateToken, PrincipalRequest, RevokeToken
from es_pki.commands import principal
from es_pki.commands.certificate import CertificateMissing
from es_pki.commands.principal import PrincipalCommand
from es_pki.decider import Violation


async def take(office: Office, request: PrincipalRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case CreateToken():
            return await create_token(office, request, asked, digest)
        case AdmitClient():
            return await admit_client(office, request, asked, digest)
        case RevokeToken():
            return await revoke_token(office, request, asked)


async def create_token(office: Office, request: CreateToken, asked: Asked, digest: bytes) -> Answer:
    """Draw a token and let its principal in. Only the first answer shows the token."""
    principal_id = asked.new_id()
    drawn = token()

    async def command() -> PrincipalCommand:
        return principal.CreateToken(
            principal_id=principal_id,
            name=request.name,
            roles=request.roles,
            token_digest=hashlib.sha256(drawn.encode()).digest(),
            expires=request.expires,
            now=asked.now,
            request_digest=digest,
        )

    handled = await office.aggregates.handle(PRINCIPAL, principal_id, command, actor=asked.caller.name)
    return Answer(
        position=handled.position,
        stream=PRINCIPAL.stream(principal_id),
        events=answered(handled.events),
        result={
            "principal_id": principal_id,
            "name": request.name,
            "token": drawn if handled.events else None,
        },
    )


async def admit_client(office: Office, request: AdmitClient, asked: Asked, digest: bytes) -> Answer:
    """Let the principal of a certificate in."""
    principal_id = asked.new_id()
    certificate_id = await _lineage(office, request.certificate) if request.certificate else ""

    async def command() -> PrincipalCommand:
        return principal.AdmitClient(
            name=request.name,
            roles=request.roles,
            certificate_id=certificate_id,
            fingerprint=request.fingerprint.lower().replace(":", ""),
            request_digest=digest,
        )

    handled = await office.aggregates.handle(PRINCIPAL, principal_id, command, actor=asked.caller.name)
    return Answer(
        position=handled.position,
        stream=PRINCIPAL.stream(principal_id),
        events=answered(handled.events),
        result={"principal_id": principal_id, "name": request.name},
    )


async def _lineage(office: Office, name: str) -> str:
    """Return the id of a certificate that is there. Raises `CertificateMissing`."""
    certificate_id = await office.certificate_id(name)
    state = (await office.aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
    if state.served is None or state.is_deleted:
        detail = f"there is no certificate {name}"
        raise CertificateMissing(detail, Violation("certificate", "certificates are named", detail))
    return certificate_id


async def revoke_token(office: Office, request: RevokeToken, asked: Asked) -> Answer:
    """Lock a principal out."""
    principal_id = await office.principal_id(request.principal)

    async def command() -> PrincipalCommand:
        return principal.RevokeToken(request.reason)

    handled = await office.aggregates.handle(PRINCIPAL, principal_id, command, actor=asked.caller.name)
    return Answer(
        position=handled.position,
        stream=PRINCIPAL.stream(principal_id),
        events=answered(handled.events),
        result={"principal_id": principal_id},
    )
