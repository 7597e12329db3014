"""How an authority whose key is made here begins: a root, or an intermediate below an authority we have."""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.commands.built_in import AUTHORITY
from es_pki.commands.name_space import constraints_violations
from es_pki.commands.preparation import completed
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.rules import RULES, Draft, Rule
from es_pki.commands.rules.profile import maximum_days
from es_pki.commands.usages import key_usages
from es_pki.commands.validity import period
from es_pki.decider import RequestReused, Violation
from es_pki.events.authority import AuthorityEvent, AuthorityImported, AuthorityPrepared
from es_pki.values import Issuer, NameConstraints, PublicKey, Subject, SubjectAltNames, Template, serial_hex
from es_pki.values.profile import Profile

ROOT_DAYS = 7_305
"""What a root lasts under the built-in profile, where no days are asked for."""


class CreateAuthority(Struct, frozen=True):
    """Make a root (`issuer` None: it signs for itself) or an intermediate below an authority we have."""

    authority_id: str
    name: str
    profile: Profile
    subject: Subject
    issuer: Issuer | None
    public_key: PublicKey
    key_id: str
    path_length: int | None
    name_constraints: NameConstraints
    validity_days: int | None
    serial_number: int
    now: datetime
    request_digest: bytes


def create(
    command: CreateAuthority, known: AuthorityPrepared | AuthorityImported | None, encode: Callable[[Template], bytes]
) -> list[AuthorityEvent]:
    """Decide on an authority; `known` is how the one of this id began, `encode` gives a template's bytes."""
    if known is not None:
        if known.request_digest == command.request_digest:
            return []
        raise RequestReused("this id was used for another authority")
    draft = draft_of(command)
    template = draft.template
    RulesBroken.if_any(violation for rule in RULES_OF_AUTHORITIES for violation in rule(draft))
    return [
        AuthorityPrepared(
            name=command.name,
            subject=template.subject,
            issuer_id=command.issuer.authority_id if command.issuer else None,
            key_type=command.public_key.key_type,
            key_id=command.key_id,
            public_key=command.public_key.spki,
            serial_number=serial_hex(command.serial_number),
            not_before=template.not_before,
            not_after=template.not_after,
            path_length=template.path_length,
            name_constraints=template.name_constraints,
            to_be_signed=encode(template),
            request_digest=command.request_digest,
            profile=command.profile.name,
            profile_version=command.profile.version,
        )
    ]


def draft_of(command: CreateAuthority) -> Draft:
    """Return the authority before anyone agreed to it. Raises `RulesBroken` for days that no certificate may have."""
    return Draft(
        name=command.name,
        profile=command.profile,
        template=_template(command),
        issuer=command.issuer,
        now=command.now,
        key_is_here=True,
    )


def _template(command: CreateAuthority) -> Template:
    issuer, key_type, terms = command.issuer, command.public_key.key_type, command.profile.terms
    not_before, not_after = period(
        now=command.now, asked_days=command.validity_days, default_days=_usual_days(command), issuer=issuer
    )
    return Template(
        serial_number=command.serial_number,
        signature_key_type=issuer.key_type if issuer else key_type,
        issuer_certificate=issuer.certificate if issuer else None,
        subject=completed(command.subject, command.profile),
        subject_alt_names=SubjectAltNames(),
        public_key=command.public_key,
        not_before=not_before,
        not_after=not_after,
        is_authority=True,
        path_length=_path_length(command),
        key_usages=key_usages(terms, key_type),
        extended_key_usages=terms.extended_key_usages,
        name_constraints=command.name_constraints or terms.name_constraints,
        locations=issuer.locations.of_shard(0) if issuer else None,
        policy_identifiers=terms.policy_identifiers,
        critical_extensions=terms.critical_extensions,
    )


def _usual_days(command: CreateAuthority) -> int:
    """Return the days of validity where none were asked for: the profile's, cut to what it allows."""
    terms = command.profile.terms
    is_root_of_ours = command.issuer is None and command.profile == AUTHORITY
    usual = ROOT_DAYS if is_root_of_ours else terms.default_validity_days
    return min(usual, maximum_days(terms, command.now) or usual)


def _path_length(command: CreateAuthority) -> int | None:
    """Return what was asked for, else the most that profile and issuer leave."""
    if command.path_length is not None:
        return command.path_length
    left = [] if command.profile.terms.path_length is None else [command.profile.terms.path_length]
    if command.issuer and command.issuer.path_length:
        left.append(command.issuer.path_length - 1)
    return min(left, default=None)


def profile_is_for_authorities(draft: Draft) -> Iterator[Violation]:
    """Require a profile whose certificates are authorities'."""
    if not draft.profile.terms.is_authority:
        yield Violation("profile", f"profile {draft.profile.name}", "its certificates are not those of authorities")


def path_length_is_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require at most as many authorities below as the profile allows."""
    most, wanted = draft.profile.terms.path_length, draft.template.path_length
    if most is not None and (wanted is None or wanted > most):
        yield Violation("path_length", f"profile {draft.profile.name}", f"at most {most}")


def name_constraints_are_well_formed(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.2.1.10: the forms of name constraints."""
    yield from constraints_violations(draft.template.name_constraints, "name_constraints")


def name_constraints_are_those_of_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require the profile's name constraints, if it has any, and no others."""
    given = draft.profile.terms.name_constraints
    if given and draft.template.name_constraints != given:
        yield Violation("name_constraints", f"profile {draft.profile.name}", "the profile says them: leave them out")


RULES_OF_AUTHORITIES: tuple[Rule, ...] = (
    *RULES,
    profile_is_for_authorities,
    path_length_is_within_the_profile,
    name_constraints_are_well_formed,
    name_constraints_are_those_of_the_profile,
)
"""What an authority of our own passes: the rules of every certificate, and those of what it may sign."""
