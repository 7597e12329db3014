"""The one door for requests: `Desk.take` finds who answers, and everybody who answers stands here."""

from collections.abc import Callable
from typing import assert_never

from es_pki.adapters.deployment import Allowed, Observer
from es_pki.adapters.intake import (
    authority,
    certificate,
    key_compromise,
    lineage,
    log_key,
    principal,
    service,
    signing_request,
)
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    BindCertificate,
    CompleteCSR,
    CreateAuthority,
    CreateCSR,
    CreateToken,
    DeleteCertificate,
    DeployCertificate,
    DescribeCertificate,
    ExportCertificate,
    ImportCSR,
    IssueCertificate,
    ReconfigureService,
    RegisterService,
    ReissueCertificate,
    RejectCSR,
    RenameCertificate,
    RenewCertificate,
    ReportKeyCompromise,
    Request,
    RetireService,
    RevokeToken,
    RollBackCertificate,
    RotateLogKey,
    SelfSignCertificate,
    SetIssuancePolicy,
    SignCSR,
    UnbindCertificate,
    VerifyService,
    digest_of,
)
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import Signer
from es_pki.decider import Kind, Refused, Violation
from es_pki.values import Locations


class NotPermitted(Refused):
    """The caller's roles don't allow this. The answer names the roles that do."""

    kind = Kind.FORBIDDEN


class Desk:
    """Takes requests. `locations` tells where an authority's certificate and CRL are published, by its id.

    `allowed` is what services may have, `observer` looks at them.
    """

    def __init__(
        self,
        aggregates: Aggregates,
        keys: KeyRing,
        signer: Signer,
        locations: Callable[[str], Locations],
        *,
        allowed: Allowed,
        observer: Observer,
    ) -> None:
        self._office = Office(aggregates, keys, signer, locations, allowed, observer)

    async def name_log(self, origin: str, caller: Caller) -> str:
        """Give the log its origin and its first signing key, unless it has them; return its origin."""
        return await log_key.create(self._office, origin, actor=caller.name)

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
            case (
                RegisterService()
                | ReconfigureService()
                | BindCertificate()
                | UnbindCertificate()
                | RetireService()
                | DeployCertificate()
                | VerifyService()
            ):
                return await service.take(self._office, request, asked, digest)
            case ReportKeyCompromise():
                return await key_compromise.report(self._office, request, asked)
            case RotateLogKey():
                return await log_key.rotate(self._office, asked)
            case CreateToken():
                return await principal.create_token(self._office, request, asked, digest)
            case RevokeToken():
                return await principal.revoke_token(self._office, request, asked)
            case _:
                assert_never(request)


def _check_roles(request: Request, caller: Caller) -> None:
    if caller.roles.isdisjoint(request.senders):
        wanted = ", ".join(sorted(request.senders))
        raise NotPermitted(
            f"{type(request).__name__} takes one of the roles {wanted}",
            Violation("Authorization", "roles", f"{caller.name} has none of: {wanted}"),
        )
