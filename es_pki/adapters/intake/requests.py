"""What may be asked for: one struct a command, named like it. Their fields are the API; unknown ones are refused.

`senders` says whose roles may send it. Names and ids are interchangeable wherever something is referred to.
"""

import hashlib
from datetime import datetime
from typing import Annotated, ClassVar, get_args

import msgspec
from msgspec import Meta, Struct, structs
from msgspec.inspect import Metadata, StructType, Type, UnionType, type_info

from es_pki.values import ExportFormat, IssuancePolicy, KeyType, NameConstraints, Profile, Role

ADMINISTRATORS = frozenset({Role.ADMIN})
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
REQUESTERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.REQUESTER})

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its offset (RFC 3339)."""

Secret = Annotated[str, Meta(extra_json_schema={"format": "password", "writeOnly": True})]
"""What only the sender knows: used once, and part of no digest, event, log line or answer."""

SubjectFields = dict[str, str | tuple[str, ...]]
"""Naming attributes by name (`common_name`, `organization`, …), each with one value or several."""


class CreateAuthority(Struct, frozen=True, forbid_unknown_fields=True):
    """Make an authority whose key is made and kept here: a root, or an intermediate when `issuer` names an authority.

    `path_length` is how many authorities may stand below it in a chain (absent: what the issuer leaves).
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    subject: SubjectFields
    issuer: str | None = None
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None
    path_length: int | None = None
    name_constraints: NameConstraints = NameConstraints()


class SetIssuancePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Have an authority issue under another policy from now on. What the policy leaves out gets its default."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    authority: str
    policy: IssuancePolicy


class IssueCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Issue a certificate for a key that is made and kept here.

    Names are taken as they are meant: DNS names in Unicode become A-labels, IP addresses their short forms.
    `validity_days` absent: the profile's default, at most what policy and issuer allow.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    authority: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    profile: Profile = Profile.SERVER
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None


class SignCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Issue a certificate for the key of a CSR: `csr` (PEM, or base64 of DER), or one that is kept here.

    `signing_request` names the latter, which is answered with it. Subject and subject alternative names come from the
    CSR, each judged by the policy; CA bits and key usages come from the profile, never from the CSR.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    authority: str
    csr: str | None = None
    signing_request: str | None = None
    profile: Profile = Profile.SERVER
    validity_days: int | None = None


class SelfSignCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate that signs for itself, with a key made and kept here. No authority vouches for it."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    name: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    profile: Profile = Profile.SERVER
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None


class RenewCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate's next version with the same names and profile, judged by the policy of today.

    The key is new, of the same type unless `key_type` names another; `reuse_key` certifies the present one again; `csr`
    (PEM, or base64 of DER) brings a new one that is not kept here and asks for the same names. `validity_days` absent:
    as many as before, at most what policy and issuer allow. The version before stays valid until its end.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    certificate: str
    reuse_key: bool = False
    key_type: KeyType | None = None
    csr: str | None = None
    validity_days: int | None = None


class ReissueCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate's next version with exactly these names; all else is as in RenewCertificate.

    Whatever points at the certificate gets the new names with it.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    reuse_key: bool = False
    key_type: KeyType | None = None
    validity_days: int | None = None


class RollBackCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make an issued version that still holds the current one again; whatever points at the certificate gets it."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int


class RenameCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Call a certificate otherwise.

    Its former name goes on leading to it, so that nothing that uses it breaks; without `keep_former_name` it is free
    for another certificate. Deleting the certificate frees all its names.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    name: str
    keep_former_name: bool = True


class DescribeCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Say what a certificate is for and who answers for it.

    `labels` are set one by one, null removes one; `owner` is a person or team in your words, "" for nobody. What is
    left out stays as it is.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    labels: dict[str, str | None] = {}
    owner: str | None = None


class DeleteCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Be done with a certificate: it leaves the inventory, its names are free, its private keys are destroyed.

    The log keeps its certificates, `as_of` shows them, and what was issued stays valid: revoke it if it must not.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    certificate: str
    reason: str = ""


class ExportCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Take a certificate along with its chain and its private key, in a file under a passphrase.

    `format` `pem`: encrypted PKCS#8, certificate and chain without the root; `pkcs12`: the same in one file, with
    `legacy` as old devices read it (3DES, SHA-1). The passphrase has at least 12 characters and is kept nowhere. That
    the key left, and why, is recorded before it leaves. `version` absent: the current one.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    certificate: str
    format: ExportFormat
    passphrase: Secret
    reason: str
    version: int | None = None
    legacy: bool = False

    def __repr__(self) -> str:
        """Show no passphrase."""
        return f"ExportCertificate({self.certificate!r}, {self.format.value!r})"


class CreateCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a CSR for a key that is made and kept here, for an outside authority or one of our own to sign.

    Names are taken as they are meant, as in IssueCertificate. `profile` decides which key usages the CSR asks for.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    profile: Profile = Profile.SERVER
    key_type: KeyType = KeyType.EC_P256


class ImportCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a CSR that was made elsewhere (PEM, or base64 of DER) until it is answered.

    It may name nothing, and have attributes that nobody here knows: they are kept as they are, a challenge password
    too, where everybody who may read the CSR can see it.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    csr: str


class CompleteCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Answer a CSR with the certificate that an outside authority made from it.

    `certificate` is PEM, alone or with its chain in any order, or base64 of a single DER certificate. The CSR's own
    is the one with its key; the others are kept as its chain.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    signing_request: str
    certificate: str


class RejectCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Answer a CSR by refusing to sign it, for a reason that its sender can read. It is never signed afterwards."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    signing_request: str
    reason: str


class ReportKeyCompromise(Struct, frozen=True, forbid_unknown_fields=True):
    """Block a key that others have or may have: nothing is certified for it, or signed under it, ever again.

    The key is that of a certificate's current version or of an authority (`certificate` or `authority`: a name or id),
    a `public_key` (PEM, or base64 of a DER SubjectPublicKeyInfo), or what has the `public_key_hash` (the SHA-256 of
    the SubjectPublicKeyInfo in hex). `GET /api/v1/key-uses?public_key_hash=` lists what uses it.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    reason: str
    certificate: str | None = None
    authority: str | None = None
    public_key: str | None = None
    public_key_hash: str | None = None


class RotateLogKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a new key sign the log's checkpoints, beside the key before it, which signs as long as this one is newest.

    Whoever trusts the key before finds the new one in the log. `GET /api/v1/log/keys` lists them all.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS


class CreateToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a new principal in with a bearer token. The answer shows the token once; it is kept nowhere."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    roles: tuple[Role, ...]
    expires: Moment | None = None


class RevokeToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Lock a principal out: its token opens nothing any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    principal: str
    reason: str = ""


Request = (
    CreateAuthority
    | SetIssuancePolicy
    | IssueCertificate
    | SignCSR
    | SelfSignCertificate
    | RenewCertificate
    | ReissueCertificate
    | RollBackCertificate
    | RenameCertificate
    | DescribeCertificate
    | DeleteCertificate
    | ExportCertificate
    | CreateCSR
    | ImportCSR
    | CompleteCSR
    | RejectCSR
    | ReportKeyCompromise
    | RotateLogKey
    | CreateToken
    | RevokeToken
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
