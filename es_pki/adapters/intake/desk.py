"""The one door for requests: `Desk.take` finds who answers, and everybody who answers stands here."""

from typing import assert_never

from es_pki.adapters.intake import (
    acme_account,
    acme_order,
    authority,
    certificate,
    crl,
    dns_provider,
    key_compromise,
    lineage,
    log_key,
    notice_channel,
    ocsp_responder,
    principal,
    profile,
    revocation,
    service,
    signing_request,
    trust_store,
)
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.preview import Previewable, Previewed, preview
from es_pki.adapters.intake.requests import (
    ACMEAccountRequest,
    ACMEOrderRequest,
    AuthorityRequest,
    CertificateRequest,
    CRLRequest,
    CSRRequest,
    DNSProviderRequest,
    KeyCompromiseRequest,
    LineageRequest,
    LogKeyRequest,
    NoticeChannelRequest,
    PrincipalRequest,
    ProfileRequest,
    Request,
    RevocationRequest,
    ServiceRequest,
    TrustStoreRequest,
    digest_of,
)
from es_pki.decider import Kind, Refused, Violation

OutwardRequest = ServiceRequest | ACMEAccountRequest | ACMEOrderRequest | DNSProviderRequest | NoticeChannelRequest
"""What is about somebody outside: who serves, certifies, answers for names, or is told."""


class NotPermitted(Refused):
    """The caller's roles don't allow this. The answer names the roles that do."""

    kind = Kind.FORBIDDEN


class Desk:
    """Takes requests, with what stands in the office."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def name_log(self, origin: str, caller: Caller) -> str:
        """Give the log its origin and its first signing key, unless it has them; return its origin."""
        return await log_key.create(self._office, origin, actor=caller.name)

    async def preview(self, request: Previewable, asked: Asked) -> Previewed:
        """Return what a request would make, and everything that speaks against it. Raises `Refused`."""
        _check_roles(request, asked.caller)
        return await preview(self._office, request, asked)

    async def certify_ocsp_responder(self, authority_id: str, asked: Asked) -> None:
        """Have an authority certify an OCSP responder if one is due. Raises `Refused`."""
        await ocsp_responder.certify(self._office, authority_id, asked)

    async def take(self, request: Request, asked: Asked) -> Answer:
        """Do what was asked. Raises `Refused` and `Conflict`."""
        _check_roles(request, asked.caller)
        digest = digest_of(request)
        office = self._office
        if isinstance(request, AuthorityRequest):
            return await authority.take(office, request, asked, digest)
        if isinstance(request, CertificateRequest):
            return await certificate.take(office, request, asked, digest)
        if isinstance(request, LineageRequest):
            return await lineage.take(office, request, asked, digest)
        if isinstance(request, CSRRequest):
            return await signing_request.take(office, request, asked, digest)
        if isinstance(request, ProfileRequest):
            return await profile.take(office, request, asked)
        if isinstance(request, OutwardRequest):
            return await self._take_outward(request, asked, digest)
        if isinstance(request, RevocationRequest):
            return await revocation.take(office, request, asked)
        if isinstance(request, CRLRequest):
            return await crl.issue(office, request, asked)
        if isinstance(request, TrustStoreRequest):
            return await trust_store.take(office, request, asked, digest)
        if isinstance(request, KeyCompromiseRequest):
            return await key_compromise.report(office, request, asked)
        if isinstance(request, LogKeyRequest):
            return await log_key.rotate(office, asked)
        if isinstance(request, PrincipalRequest):
            return await principal.take(office, request, asked, digest)
        assert_never(request)

    async def _take_outward(self, request: OutwardRequest, asked: Asked, digest: bytes) -> Answer:
        office = self._office
        if isinstance(request, ServiceRequest):
            return await service.take(office, request, asked, digest)
        if isinstance(request, ACMEAccountRequest):
            return await acme_account.take(office, request, asked, digest)
        if isinstance(request, ACMEOrderRequest):
            return await acme_order.take(office, request, asked, digest)
        if isinstance(request, DNSProviderRequest):
            return await dns_provider.take(office, request, asked, digest)
        if isinstance(request, NoticeChannelRequest):
            return await notice_channel.take(office, request, asked, digest)
        assert_never(request)


def _check_roles(request: Request, caller: Caller) -> None:
    if caller.roles.isdisjoint(request.senders):
        wanted = ", ".join(sorted(request.senders))
        raise NotPermitted(
            f"{type(request).__name__} takes one of the roles {wanted}",
            Violation("Authorization", "roles", f"{caller.name} has none of: {wanted}"),
        )
