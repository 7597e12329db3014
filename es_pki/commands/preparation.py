"""How a version of a certificate is decided on, whichever command asks for it: one door, one set of rules."""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.commands.refusals import RulesBroken
from es_pki.commands.rules import RULES, Draft, Rule
from es_pki.commands.rules.profile import maximum_days
from es_pki.commands.usages import key_usages
from es_pki.commands.validity import period
from es_pki.commands.versions import Version
from es_pki.decider import RequestReused, Violation
from es_pki.events.certificate import CertificatePrepared
from es_pki.values import (
    Attribute,
    AttributeType,
    Issuer,
    PublicKey,
    Subject,
    SubjectAltNames,
    Template,
    serial_hex,
)
from es_pki.values.profile import Profile


class Wanted(Struct, frozen=True):
    """What every way of asking for a certificate has in common."""

    certificate_id: str
    name: str
    profile: Profile
    subject: Subject
    subject_alt_names: SubjectAltNames
    public_key: PublicKey
    validity_days: int | None
    serial_number: int
    now: datetime
    request_digest: bytes
    security_identifier: str = ""


def was_decided(version: Version | None, request_digest: bytes) -> bool:
    """Tell whether this very request made the version. Raises `RequestReused` when another one did."""
    if version is None:
        return False
    if version.prepared.request_digest != request_digest:
        raise RequestReused("this id or Idempotency-Key was used for another certificate")
    return True


def drafted(wanted: Wanted, *, issuer: Issuer | None, key_is_here: bool, default_days: int | None = None) -> Draft:
    """Return a version before anyone agreed to it. `default_days` None: the profile's.

    Raises `RulesBroken` for days that no certificate may have.
    """
    return Draft(
        name=wanted.name,
        profile=wanted.profile,
        template=_template(wanted, issuer, default_days),
        issuer=issuer,
        now=wanted.now,
        key_is_here=key_is_here,
    )


def prepared(
    wanted: Wanted,
    encode: Callable[[Template], bytes],
    *,
    issuer: Issuer | None,
    key_id: str | None,
    default_days: int | None = None,
    version: int = 1,
    request_id: str = "",
    supersede_at: datetime | None = None,
) -> CertificatePrepared:
    """Judge a version by all rules and decide on it, to the byte: every door comes here."""
    draft = drafted(wanted, issuer=issuer, key_is_here=key_id is not None, default_days=default_days)
    template = draft.template
    RulesBroken.if_any(violation for rule in RULES_OF_VERSIONS for violation in rule(draft))
    return CertificatePrepared(
        version=version,
        name=wanted.name,
        issuer_id=issuer.authority_id if issuer else None,
        profile=wanted.profile.name,
        profile_version=wanted.profile.version,
        subject=template.subject,
        subject_alt_names=wanted.subject_alt_names,
        security_identifier=wanted.security_identifier,
        is_authority=template.is_authority,
        key_type=wanted.public_key.key_type,
        public_key_hash=wanted.public_key.hash,
        key_id=key_id,
        serial_number=serial_hex(wanted.serial_number),
        not_before=template.not_before,
        not_after=template.not_after,
        to_be_signed=encode(template),
        request_digest=wanted.request_digest,
        request_id=request_id,
        crl_shard=issuer.locations.shard_of(wanted.serial_number) if issuer else 0,
        supersede_at=supersede_at,
    )


def completed(subject: Subject, profile: Profile) -> Subject:
    """Return a subject with what the profile fixes in front, unless it has an attribute of that type already."""
    there = {attribute.type for attribute in subject}
    fixed = profile.terms.subject.fixed.items()
    return (*(Attribute(kind, value) for kind, value in fixed if kind not in there), *subject)


def _subject(wanted: Wanted, issuer: Issuer | None) -> Subject:
    subject = completed(wanted.subject, wanted.profile)
    return subject if subject or issuer else _own_name(wanted.subject_alt_names)


def _own_name(names: SubjectAltNames) -> Subject:
    """Name what signs for itself by its first name: it is the issuer too, which has one (RFC 5280 section 4.1.2.4)."""
    values = (*names.dns_names, *names.ip_addresses, *names.email_addresses, *names.uris)
    return tuple(Attribute(AttributeType.COMMON_NAME, value) for value in values[:1])


def _template(wanted: Wanted, issuer: Issuer | None, default_days: int | None) -> Template:
    terms, key_type = wanted.profile.terms, wanted.public_key.key_type
    not_before, not_after = period(
        now=wanted.now,
        asked_days=wanted.validity_days,
        default_days=_usual_days(wanted, issuer, default_days),
        issuer=issuer,
    )
    return Template(
        serial_number=wanted.serial_number,
        signature_key_type=issuer.key_type if issuer else key_type,
        issuer_certificate=issuer.certificate if issuer else None,
        subject=_subject(wanted, issuer),
        subject_alt_names=wanted.subject_alt_names,
        security_identifier=wanted.security_identifier,
        public_key=wanted.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=terms.is_authority,
        path_length=terms.path_length,
        key_usages=key_usages(terms, key_type),
        extended_key_usages=terms.extended_key_usages,
        name_constraints=terms.name_constraints,
        locations=issuer.locations.of_shard(issuer.locations.shard_of(wanted.serial_number)) if issuer else None,
        policy_identifiers=terms.policy_identifiers,
        critical_extensions=terms.critical_extensions,
    )


def _usual_days(wanted: Wanted, issuer: Issuer | None, default_days: int | None) -> int:
    """Return the days of validity where none were asked for: the default, cut to what profile and policy allow."""
    terms = wanted.profile.terms
    bounds = [default_days or terms.default_validity_days]
    allowed = maximum_days(terms, wanted.now)
    if allowed is not None:
        bounds.append(allowed)
    if issuer and not terms.is_authority:
        bounds.append(issuer.policy.maximum_validity_days)
    return min(bounds)


def authorities_of_our_own_are_created(draft: Draft) -> Iterator[Violation]:
    """Let no certificate with a key made here be an authority's: CreateAuthority makes those."""
    if draft.template.is_authority and draft.key_is_here:
        yield Violation("profile", "authorities are created", "use CreateAuthority for an authority of your own")


def authorities_are_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require the policy's leave to sign other authorities."""
    is_others = draft.template.is_authority and not draft.key_is_here
    if is_others and draft.issuer and not draft.issuer.policy.subordinate_authorities:
        yield Violation("profile", "issuance policy", f"{draft.issuer.name} signs no other authorities")


RULES_OF_VERSIONS: tuple[Rule, ...] = (*RULES, authorities_of_our_own_are_created, authorities_are_within_the_policy)
"""What a version of a certificate passes: the rules of every certificate, and who may be an authority."""
