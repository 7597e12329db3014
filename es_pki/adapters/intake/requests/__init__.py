"""What may be asked for: one struct a command, named like it. Their fields are the API; unknown ones are refused.

`senders` says whose roles may send it. Names and ids are interchangeable wherever something is referred to.
"""

import hashlib
from typing import get_args

import msgspec
from msgspec import structs
from msgspec.inspect import Metadata, StructType, Type, UnionType, type_info

from es_pki.adapters.intake.requests.acme import (
    AbandonACMEOrder,
    ACMEAccountRequest,
    ACMEOrderRequest,
    DeactivateACMEAccount,
    NameACMETestAccount,
    PlaceACMEOrder,
    RegisterACMEAccount,
    RenewACME,
    RollOverACMEAccountKey,
)
from es_pki.adapters.intake.requests.authority import (
    AuthorityRequest,
    CreateAuthority,
    ImportAuthority,
    SetIssuancePolicy,
)
from es_pki.adapters.intake.requests.certificate import (
    CertificateRequest,
    ImportCertificate,
    ImportCertificates,
    IssueCertificate,
    NamedCertificate,
    SelfSignCertificate,
    SignCSR,
)
from es_pki.adapters.intake.requests.crl import (
    CRLRequest,
    IssueCRL,
)
from es_pki.adapters.intake.requests.dns_provider import (
    AddDNSProvider,
    DNSProviderRequest,
    RemoveDNSProvider,
    ReplaceDNSCredentials,
)
from es_pki.adapters.intake.requests.fields import SubjectFields
from es_pki.adapters.intake.requests.key_compromise import (
    KeyCompromiseRequest,
    ReportKeyCompromise,
)
from es_pki.adapters.intake.requests.lineage import (
    DeleteCertificate,
    DescribeCertificate,
    ExportCertificate,
    LineageRequest,
    ReissueCertificate,
    RenameCertificate,
    RenewCertificate,
    RollBackCertificate,
)
from es_pki.adapters.intake.requests.log_key import LogKeyRequest, RotateLogKey
from es_pki.adapters.intake.requests.notice_channel import (
    AddNoticeChannel,
    NoticeChannelRequest,
    RemoveNoticeChannel,
    ReplaceNoticeSecret,
    TestNoticeChannel,
)
from es_pki.adapters.intake.requests.principal import CreateToken, PrincipalRequest, RevokeToken
from es_pki.adapters.intake.requests.profile import DefineProfile, ProfileRequest, RetireProfile
from es_pki.adapters.intake.requests.revocation import (
    HoldCertificate,
    PlanSupersession,
    ReleaseCertificate,
    RevocationRequest,
    RevokeAuthority,
    RevokeCertificate,
    WithdrawSupersession,
)
from es_pki.adapters.intake.requests.service import (
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
from es_pki.adapters.intake.requests.signing_request import (
    CompleteCSR,
    CreateCSR,
    CSRRequest,
    ImportCSR,
    RejectCSR,
)
from es_pki.adapters.intake.requests.trust_store import (
    CreateTrustStore,
    DistrustCertificate,
    TrustCertificate,
    TrustStoreRequest,
)

__all__ = [
    "REQUESTS",
    "SECRETS",
    "ACMEAccountRequest",
    "ACMEOrderRequest",
    "AbandonACMEOrder",
    "AddDNSProvider",
    "AddNoticeChannel",
    "AuthorityRequest",
    "BindCertificate",
    "CRLRequest",
    "CSRRequest",
    "CertificateRequest",
    "CompleteCSR",
    "CreateAuthority",
    "CreateCSR",
    "CreateToken",
    "CreateTrustStore",
    "DNSProviderRequest",
    "DeactivateACMEAccount",
    "DefineProfile",
    "DeleteCertificate",
    "DeployCertificate",
    "DescribeCertificate",
    "DistrustCertificate",
    "ExportCertificate",
    "HoldCertificate",
    "ImportAuthority",
    "ImportCSR",
    "ImportCertificate",
    "ImportCertificates",
    "IssueCRL",
    "IssueCertificate",
    "KeyCompromiseRequest",
    "LineageRequest",
    "LogKeyRequest",
    "NameACMETestAccount",
    "NamedCertificate",
    "NoticeChannelRequest",
    "PlaceACMEOrder",
    "PlanSupersession",
    "PrincipalRequest",
    "ProfileRequest",
    "ReconfigureService",
    "RegisterACMEAccount",
    "RegisterService",
    "ReissueCertificate",
    "RejectCSR",
    "ReleaseCertificate",
    "RemoveDNSProvider",
    "RemoveNoticeChannel",
    "RenameCertificate",
    "RenewACME",
    "RenewCertificate",
    "ReplaceDNSCredentials",
    "ReplaceNoticeSecret",
    "ReportKeyCompromise",
    "Request",
    "ResumeService",
    "RetireProfile",
    "RetireService",
    "RevocationRequest",
    "RevokeAuthority",
    "RevokeCertificate",
    "RevokeToken",
    "RollBackCertificate",
    "RollOverACMEAccountKey",
    "RotateCHAPSecret",
    "RotateLogKey",
    "SelfSignCertificate",
    "ServiceRequest",
    "SetIssuancePolicy",
    "SignCSR",
    "StopService",
    "SubjectFields",
    "TestNoticeChannel",
    "TrustCertificate",
    "TrustStoreRequest",
    "UnbindCertificate",
    "VerifyService",
    "WithdrawSupersession",
    "digest_of",
]

Request = (
    AuthorityRequest
    | CertificateRequest
    | LineageRequest
    | CSRRequest
    | ProfileRequest
    | ServiceRequest
    | ACMEAccountRequest
    | ACMEOrderRequest
    | DNSProviderRequest
    | NoticeChannelRequest
    | RevocationRequest
    | CRLRequest
    | TrustStoreRequest
    | KeyCompromiseRequest
    | LogKeyRequest
    | PrincipalRequest
)

REQUESTS: tuple[type[Request], ...] = get_args(Request)


def digest_of(request: Request) -> bytes:
    """Return the SHA-256 by which the same request is known again: of its name and all that is no secret."""
    secrets = SECRETS[type(request)]
    told = request if not secrets else {k: v for k, v in structs.asdict(request).items() if k not in secrets}
    return hashlib.sha256(type(request).__name__.encode() + msgspec.json.encode(told)).digest()


def _secrets(request: type[Request]) -> frozenset[str]:
    shape = type_info(request)
    fields = shape.fields if isinstance(shape, StructType) else ()
    return frozenset(field.name for field in fields if _is_secret(field.type))


def _is_secret(kind: Type) -> bool:
    match kind:
        case Metadata(extra_json_schema=schema) if schema is not None:
            return bool(schema.get("writeOnly"))
        case UnionType(types=types):
            return any(map(_is_secret, types))
        case _:
            return False


SECRETS = {request: _secrets(request) for request in REQUESTS}
"""The fields of every request that hold a `Secret`."""
