"""Profiles as values: what certificates of one kind are for, and what each of them must and may say."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from es_pki.values import (
    AttributeType,
    CriticalExtension,
    KeyAlgorithm,
    KeyType,
    KeyUsage,
    NameConstraints,
    ObjectIdentifier,
    Purpose,
)


class NameForm(StrEnum):
    """A way in which a certificate names its subject, besides the distinguished name."""

    DNS_NAMES = "dns_names"
    IP_ADDRESSES = "ip_addresses"
    EMAIL_ADDRESSES = "email_addresses"
    URIS = "uris"
    USER_PRINCIPAL_NAMES = "user_principal_names"
    SECURITY_IDENTIFIER = "security_identifier"
    KERBEROS_PRINCIPAL_NAMES = "kerberos_principal_names"


ACCOUNT_FORMS = (NameForm.USER_PRINCIPAL_NAMES, NameForm.SECURITY_IDENTIFIER, NameForm.KERBEROS_PRINCIPAL_NAMES)
"""The forms that name an account of an Active Directory or a Kerberos realm."""

USUAL_FORMS = (NameForm.DNS_NAMES, NameForm.IP_ADDRESSES, NameForm.EMAIL_ADDRESSES, NameForm.URIS)


class ValidityRule(StrEnum):
    """A maximum of validity that others set, and that falls by dates that they have fixed."""

    CA_BROWSER_FORUM = "ca-browser-forum"


class LintLevel(StrEnum):
    """How much lint must be content: the own rules, or outside linters too."""

    STANDARD = "standard"
    STRICT = "strict"


class SubjectTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """What a distinguished name holds: nothing but `allowed` (None: anything), all of `required`.

    `fixed` attributes stand in every subject, before those that were asked for, with just this value.
    """

    allowed: tuple[AttributeType, ...] | None = None
    required: tuple[AttributeType, ...] = ()
    fixed: Mapping[AttributeType, str] = {}


class ProfileTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """What the certificates of a profile are for, and what each must and may say.

    `further_key_usages` are added to `key_usages` for keys of the algorithm. Purposes are written by name, or by object
    identifier where they have none. `maximum_validity_days` None: what policy and issuer allow. `validity_rule`: a
    dated maximum of others. `name_forms` are those that may be used, of `required_names` at least one form is. `names`
    restricts only the name forms it lists something of; user principal names and Kerberos
    principals are held to its e-mail addresses.
    `path_length` and `name_constraints` are those of an authority made under the profile. `policy_identifiers` stand
    in the certificate. `lint`: which linters must be content before signing.
    """

    description: str = ""
    is_authority: bool = False
    key_usages: tuple[KeyUsage, ...] = (KeyUsage.DIGITAL_SIGNATURE,)
    further_key_usages: Mapping[KeyAlgorithm, tuple[KeyUsage, ...]] = {}
    extended_key_usages: tuple[Purpose, ...] = ()
    critical_extensions: tuple[CriticalExtension, ...] = (CriticalExtension.KEY_USAGE,)
    key_types: tuple[KeyType, ...] = tuple(KeyType)
    default_validity_days: int = 90
    maximum_validity_days: int | None = None
    validity_rule: ValidityRule | None = None
    subject: SubjectTerms = SubjectTerms()
    name_forms: tuple[NameForm, ...] = USUAL_FORMS
    required_names: tuple[NameForm, ...] = ()
    names: NameConstraints = NameConstraints()
    wildcards: bool = True
    path_length: int | None = None
    name_constraints: NameConstraints = NameConstraints()
    policy_identifiers: tuple[ObjectIdentifier, ...] = ()
    lint: LintLevel = LintLevel.STANDARD


class Profile(Struct, frozen=True):
    """A profile as those see it who make a certificate under it: its terms, in their `version`.

    `profile_id` is None for one that is built in; another was read from its stream at `stream_version`, and an append
    decided on it guards that version.
    """

    name: str
    version: int
    terms: ProfileTerms
    profile_id: str | None = None
    stream_version: int = 0
