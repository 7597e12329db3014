"""What the profile wants: its key types, validity, names, and subject."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from es_pki.commands.name_space import account_violations, constraint_violations
from es_pki.commands.rules.draft import Draft
from es_pki.decider import Violation
from es_pki.values import Attribute
from es_pki.values.profile import NameForm, ProfileTerms, ValidityRule

CA_BROWSER_FORUM_DAYS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
)
"""Days of validity at most for what is issued from a time on, the latest first (CA/Browser Forum BR section 6.3.2)."""

CA_BROWSER_FORUM_DAYS_BEFORE = 398


def dated_maximum_days(rule: ValidityRule, issued_at: datetime) -> int:
    """Return the days that a rule of others allows to what is issued at a time."""
    match rule:
        case ValidityRule.CA_BROWSER_FORUM:
            days = (days for since, days in CA_BROWSER_FORUM_DAYS if issued_at >= since)
            return next(days, CA_BROWSER_FORUM_DAYS_BEFORE)


def maximum_days(terms: ProfileTerms, issued_at: datetime) -> int | None:
    """Return the days of validity that a profile allows at a time, None for any number."""
    bounds = [] if terms.maximum_validity_days is None else [terms.maximum_validity_days]
    if terms.validity_rule is not None:
        bounds.append(dated_maximum_days(terms.validity_rule, issued_at))
    return min(bounds, default=None)


def name_forms_in(draft: Draft) -> tuple[NameForm, ...]:
    """Return the forms in which a draft names its subject."""
    names = draft.template.subject_alt_names
    used: dict[NameForm, object] = {
        NameForm.DNS_NAMES: names.dns_names,
        NameForm.IP_ADDRESSES: names.ip_addresses,
        NameForm.EMAIL_ADDRESSES: names.email_addresses,
        NameForm.URIS: names.uris,
        NameForm.USER_PRINCIPAL_NAMES: names.user_principal_names,
        NameForm.SECURITY_IDENTIFIER: draft.template.security_identifier,
        NameForm.KERBEROS_PRINCIPAL_NAMES: names.kerberos_principal_names,
    }
    return tuple(form for form, value in used.items() if value)


def key_type_is_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require one of the profile's key types."""
    key_type, allowed = draft.template.public_key.key_type, draft.profile.terms.key_types
    if key_type not in allowed:
        yield Violation("key_type", _of(draft), f"{key_type} is not one of {', '.join(allowed)}")


def validity_is_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require at most the profile's days."""
    days = draft.profile.terms.maximum_validity_days
    if days is not None and _lasts_longer(draft, days):
        yield Violation("validity_days", _of(draft), f"at most {days} days")


def validity_is_within_the_dated_maximum(draft: Draft) -> Iterator[Violation]:
    """CA/Browser Forum Baseline Requirements section 6.3.2, where the profile asks for it: days by date of issuance."""
    rule = draft.profile.terms.validity_rule
    if rule is not None and _lasts_longer(draft, days := dated_maximum_days(rule, draft.now)):
        yield Violation(
            "validity_days",
            "CA/Browser Forum Baseline Requirements section 6.3.2",
            f"what is issued on {draft.now:%F} holds for at most {days} days",
        )


def name_forms_are_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require names in the forms of the profile."""
    for form in name_forms_in(draft):
        if form not in draft.profile.terms.name_forms:
            yield Violation(form, _of(draft), f"{draft.profile.name} certificates have no {form}")


def required_names_are_there(draft: Draft) -> Iterator[Violation]:
    """Require at least one name in one of the forms that the profile requires."""
    required = draft.profile.terms.required_names
    if required and not set(required) & set(name_forms_in(draft)):
        yield Violation(required[0], _of(draft), f"give at least one of {', '.join(required)}")


def names_are_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require names that the profile allows and doesn't deny."""
    template, terms = draft.template, draft.profile.terms
    yield from constraint_violations(terms.names, template.subject, template.subject_alt_names, rule=_of(draft))
    yield from account_violations(terms.names, template.subject_alt_names, rule=_of(draft))
    for name in template.subject_alt_names.dns_names:
        if name.startswith("*.") and not terms.wildcards:
            yield Violation("dns_names", _of(draft), f"{draft.profile.name} certificates have no wildcard: {name!r}")


def subject_attributes_are_within_the_profile(draft: Draft) -> Iterator[Violation]:
    """Require no attributes in the subject but those of the profile."""
    allowed = draft.profile.terms.subject.allowed
    for kind in dict.fromkeys(attribute.type for attribute in draft.template.subject):
        if allowed is not None and kind not in allowed:
            yield Violation(f"subject.{kind}", _of(draft), f"{draft.profile.name} certificates have no {kind}")


def required_subject_attributes_are_there(draft: Draft) -> Iterator[Violation]:
    """Require the attributes in the subject that the profile requires."""
    there = {attribute.type for attribute in draft.template.subject}
    for kind in draft.profile.terms.subject.required:
        if kind not in there:
            yield Violation(f"subject.{kind}", _of(draft), f"{draft.profile.name} certificates have a {kind}")


def fixed_subject_attributes_are_as_fixed(draft: Draft) -> Iterator[Violation]:
    """Require the value that the profile fixes for an attribute of the subject, and no other beside it."""
    fixed = draft.profile.terms.subject.fixed
    for attribute in draft.template.subject:
        if attribute.type in fixed and attribute != Attribute(attribute.type, fixed[attribute.type]):
            yield Violation(f"subject.{attribute.type}", _of(draft), f"it is always {fixed[attribute.type]!r}")


def _lasts_longer(draft: Draft, days: int) -> bool:
    """Tell whether a validity, both its ends included, is longer (RFC 5280 section 4.1.2.5)."""
    return draft.template.not_after - draft.template.not_before >= timedelta(days=days)


def _of(draft: Draft) -> str:
    return f"profile {draft.profile.name}"
