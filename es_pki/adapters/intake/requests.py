"""What may be asked for: one struct a command, named like it. Their fields are the API; unknown ones are refused.

`senders` says whose roles may send it. Names and ids are interchangeable wherever something is referred to.
"""

from datetime import datetime
from typing import Annotated, ClassVar, get_args

from msgspec import Meta, Struct

from es_pki.values import IssuancePolicy, KeyType, NameConstraints, Profile, Role

ADMINISTRATORS = frozenset({Role.ADMIN})
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
REQUESTERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.REQUESTER})

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its offset (RFC 3339)."""

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
    """Issue a certificate for the key of a CSR (PEM, or base64 of DER).

    Subject and subject alternative names come from the CSR, each judged by the policy; CA bits and key usages come
    from the profile, never from the CSR.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    authority: str
    csr: str
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


class ReportKeyCompromise(Struct, frozen=True, forbid_unknown_fields=True):
    """Block a key that others have or may have: nothing is certified for it, or signed under it, ever again.

    The key is that of a certificate's newest version or of an authority (`certificate` or `authority`: a name or id),
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
    | ReportKeyCompromise
    | RotateLogKey
    | CreateToken
    | RevokeToken
)

REQUESTS: tuple[type[Request], ...] = get_args(Request)
