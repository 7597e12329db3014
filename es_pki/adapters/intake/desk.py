"""The one door for requests: `Desk.take` finds who answers, and everybody who answers stands here."""

from typing import assert_never

from es_pki.adapters.intake import (
    authority,
    certificate,
    crl,
    key_compromise,
    lineage,
    log_key,
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
    BindCertificate,
    CompleteCSR,
    CreateAuthority,
    CreateCSR,
    CreateToken,
    CreateTrustStore,
    DefineProfile,
    DeleteCertificate,
    DescribeCertificate,
    DistrustCertificate,
    ExportCertificate,
    HoldCertificate,
    ImportCSR,
    IssueCertificate,
    IssueCRL,
    ReconfigureService,
    RegisterService,
    ReissueCertificate,
    RejectCSR,
    ReleaseCertificate,
    RenameCertificate,
    RenewCertificate,
    ReportKeyCompromise,
    Request,
    RetireProfile,
    RetireService,
    RevokeAuthority,
    RevokeCertificate,
    RevokeToken,
    RollBackCertificate,
    RotateLogKey,
    SelfSignCertificate,
    SetIssuancePolicy,
    SignCSR,
    TrustCertificate,
    UnbindCertificate,
    digest_of,
)
from es_pki.decider import Kind, Refused, Violation


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
        match request:
            case CreateAuthority():
                return await authority.create(self._office, request, asked, digest)
            case SetIssuancePolicy():
                return await authority.set_policy(self._office, request, asked)
            case IssueCertificate():
                return await certificate.issue(self._office, request, asked, digest)
            case SignCSR():
                return await certificate.sign_csr(self._office, request, asked, digest)
            case SelfSignCertificate():
                return await certificate.self_sign(self._office, request, asked, digest)
            case (
                RenewCertificate()
                | ReissueCertificate()
                | RollBackCertificate()
                | RenameCertificate()
                | DescribeCertificate()
                | DeleteCertificate()
                | ExportCertificate()
            ):
                return await lineage.take(self._office, request, asked, digest)
            case CreateCSR() | ImportCSR() | CompleteCSR() | RejectCSR():
                return await signing_request.take(self._office, request, asked, digest)
            case RegisterService() | ReconfigureService() | BindCertificate() | UnbindCertificate() | RetireService():
                return await service.take(self._office, request, asked, digest)
            case ReportKeyCompromise():
                return await key_compromise.report(self._office, request, asked)
            case DefineProfile() | RetireProfile():
                return await profile.take(self._office, request, asked)
            case RevokeCertificate() | HoldCertificate() | ReleaseCertificate() | RevokeAuthority():
                return await revocation.take(self._office, request, asked)
            case IssueCRL():
                return await crl.issue(self._office, request, asked)
            case RotateLogKey():
                return await log_key.rotate(self._office, asked)
            case CreateToken() | RevokeToken():
                return await principal.take(self._office, request, asked, digest)
            case CreateTrustStore() | TrustCertificate() | DistrustCertificate():
                return await trust_store.take(self._office, request, asked, digest)
            case _:
                assert_never(request)


def _check_roles(request: Request, caller: Caller) -> None:
    if caller.roles.isdisjoint(request.senders):
        wanted = ", ".join(sorted(request.senders))
        raise NotPermitted(
            f"{type(request).__name__} takes one of the roles {wanted}",
            Violation("Authorization", "roles", f"{caller.name} has none of: {wanted}"),
        )
