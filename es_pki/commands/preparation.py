"""How a version of a certificate is decided on, whichever command asks for it: one door, one set of rules."""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.lineage import Version
from es_pki.commands.profile import PROFILES, Draft, key_usages, violations
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.validity import period
from es_pki.decider import RequestReused, Violation
from es_pki.events.certificate import CertificatePrepared
from es_pki.values import (
    Attribute,
    AttributeType,
    Issuer,
    NameConstraints,
    Profile,
    PublicKey,
    Subject,
    SubjectAltNames,
    Template,
    serial_hex,
)


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


def was_decided(version: Version | None, request_digest: bytes) -> bool:
    """Tell whether this very request made the version. Raises `RequestReused` when another one did."""
    if version is None:
        return False
    if version.prepared.request_digest != request_digest:
        raise RequestReused("this id or Idempotency-Key was used for another certificate")
    return True


def prepared(
    wanted: Wanted,
    encode: Callable[[Template], bytes],
    *,
    issuer: Issuer | None,
    key_id: str | None,
    default_days: int,
    version: int = 1,
    request_id: str = "",
) -> CertificatePrepared:
    """Judge a version by all rules and decide on it, to the byte: every door comes here."""
    if issuer is None and not wanted.subject:
        wanted = replace(wanted, subject=_own_name(wanted.subject_alt_names))
    template = _template(wanted, issuer, default_days)
    draft = Draft(name=wanted.name, profile=wanted.profile, template=template, issuer=issuer, now=wanted.now)
    RulesBroken.if_any([*violations(draft), *_authority_violations(draft, key_id)])
    return CertificatePrepared(
        version=version,
        name=wanted.name,
        issuer_id=issuer.authority_id if issuer else None,
        profile=wanted.profile,
        subject=wanted.subject,
        subject_alt_names=wanted.subject_alt_names,
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
    )


def _own_name(names: SubjectAltNames) -> Subject:
    """Name what signs for itself by its first name: it is the issuer too, which has one (RFC 5280 section 4.1.2.4)."""
    values = (*names.dns_names, *names.ip_addresses, *names.email_addresses, *names.uris)
    return tuple(Attribute(AttributeType.COMMON_NAME, value) for value in values[:1])


def _template(wanted: Wanted, issuer: Issuer | None, default_days: int) -> Template:
    terms, key_type = PROFILES[wanted.profile], wanted.public_key.key_type
    if issuer and not terms.is_authority:
        default_days = min(default_days, issuer.policy.maximum_validity_days)
    not_before, not_after = period(
        now=wanted.now, asked_days=wanted.validity_days, default_days=default_days, issuer=issuer
    )
    return Template(
        serial_number=wanted.serial_number,
        signature_key_type=issuer.key_type if issuer else key_type,
        issuer_certificate=issuer.certificate if issuer else None,
        subject=wanted.subject,
        subject_alt_names=wanted.subject_alt_names,
        public_key=wanted.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=terms.is_authority,
        path_length=0 if terms.is_authority else None,
        key_usages=key_usages(wanted.profile, key_type),
        extended_key_usages=terms.extended_key_usages,
        name_constraints=NameConstraints(),
        locations=issuer.locations.of_shard(issuer.locations.shard_of(wanted.serial_number)) if issuer else None,
    )


def _authority_violations(draft: Draft, key_id: str | None) -> Iterator[Violation]:
    """Let only CSRs become authorities, and only where the policy says so: our own are made by CreateAuthority."""
    if not draft.template.is_authority:
        return
    if key_id is not None:
        yield Violation("profile", "authorities are created", "use CreateAuthority for an authority of your own")
    elif draft.issuer and not draft.issuer.policy.subordinate_authorities:
        yield Violation("profile", "issuance policy", f"{draft.issuer.name} signs no other authorities")
