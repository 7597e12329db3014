"""What the issuer is and allows: its own certificate, the name constraints above it, and its policy."""

from collections.abc import Iterator

from es_pki.commands.name_space import account_violations, constraint_violations
from es_pki.commands.rules.draft import Draft
from es_pki.decider import Violation

LONGEST_PATH = 255
"""Authorities below another, at most: some programs keep the number in an octet."""


def validity_is_within_the_issuer(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 6.1: a path holds only while each of its certificates does."""
    issuer = draft.issuer
    if issuer is None:
        return
    if issuer.not_after <= draft.now:
        yield Violation("authority", "RFC 5280 section 6.1.3", f"{issuer.name} expired on {issuer.not_after:%F}")
    elif draft.template.not_after > issuer.not_after or draft.template.not_before < issuer.not_before:
        yield Violation(
            "validity_days",
            "RFC 5280 section 6.1.3",
            f"{issuer.name} holds only until {issuer.not_after:%F %T}Z",
        )


def validity_is_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require at most the policy's days."""
    if draft.issuer is None or draft.template.is_authority:
        return
    days = draft.issuer.policy.maximum_validity_days
    if (draft.template.not_after - draft.template.not_before).total_seconds() > days * 86_400:
        yield Violation("validity_days", "issuance policy", f"{draft.issuer.name} issues for at most {days} days")


def key_type_is_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require one of the policy's key types."""
    key_type = draft.template.public_key.key_type
    if draft.issuer and key_type not in draft.issuer.policy.key_types:
        allowed = ", ".join(draft.issuer.policy.key_types)
        yield Violation("key_type", "issuance policy", f"{key_type} is not one of {allowed}")


def purposes_are_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require the policy's extended key usages, and its leave to make authorities."""
    if draft.issuer is None:
        return
    policy = draft.issuer.policy
    for usage in draft.template.extended_key_usages:
        if usage not in policy.extended_key_usages:
            yield Violation("profile", "issuance policy", f"{draft.issuer.name} does not issue for {usage}")


def names_are_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require names that the policy allows."""
    if draft.issuer is None:
        return
    template, policy = draft.template, draft.issuer.policy
    yield from constraint_violations(policy.names, template.subject, template.subject_alt_names, rule="issuance policy")
    yield from account_violations(policy.names, template.subject_alt_names, rule="issuance policy")
    for name in template.subject_alt_names.dns_names:
        if name.startswith("*.") and not policy.wildcards:
            yield Violation("dns_names", "issuance policy", f"{draft.issuer.name} issues no wildcard: {name!r}")


def names_are_within_the_constraints(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.2.1.10: outside its issuer's name constraints a certificate would validate nowhere."""
    for constraints in draft.issuer.name_constraints if draft.issuer else ():
        yield from constraint_violations(
            constraints,
            draft.template.subject,
            draft.template.subject_alt_names,
            rule="RFC 5280 section 4.2.1.10",
        )


def subject_is_not_the_issuers(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.1.2.6: another entity has another name; a path wouldn't count it (section 4.2.1.9)."""
    if draft.issuer is not None and draft.template.subject and draft.template.subject == draft.issuer.subject:
        yield Violation("subject", "RFC 5280 section 4.1.2.6", f"this is the subject of {draft.issuer.name} itself")


def path_length_is_within_the_issuer(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.2.1.9: every authority below another shortens the path that is left."""
    template, issuer = draft.template, draft.issuer
    if not template.is_authority:
        return
    if template.path_length is not None and not 0 <= template.path_length <= LONGEST_PATH:
        yield Violation("path_length", "RFC 5280 section 4.2.1.9", f"0 to {LONGEST_PATH}")
    elif issuer is not None and issuer.path_length is not None:
        if issuer.path_length == 0:
            yield Violation("issuer", "RFC 5280 section 4.2.1.9", f"{issuer.name} may have no authority below it")
        elif template.path_length is None or template.path_length >= issuer.path_length:
            yield Violation(
                "path_length",
                "RFC 5280 section 4.2.1.9",
                f"at most {issuer.path_length - 1} below {issuer.name}",
            )


def accounts_are_within_the_policy(draft: Draft) -> Iterator[Violation]:
    """Require the policy's leave to name accounts of a directory or realm (MS-KILE section 3.3.5.6.4, RFC 4556)."""
    if draft.issuer is None or draft.issuer.policy.account_names is True:
        return
    detail = f"{draft.issuer.name} certifies no accounts: its policy's account_names allows it"
    if draft.template.subject_alt_names.user_principal_names:
        yield Violation("user_principal_names", "issuance policy", detail)
    if draft.template.subject_alt_names.kerberos_principal_names:
        yield Violation("kerberos_principal_names", "issuance policy", detail)
    if draft.template.security_identifier:
        yield Violation("security_identifier", "issuance policy", detail)
