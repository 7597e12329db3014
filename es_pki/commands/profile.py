"""What each kind of certificate is for, and the rules that every to-be-signed certificate passes.

A rule is one small function named after what it requires, with its source; `RULES` is all of them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.commands.name_space import constraint_violations
from es_pki.commands.names import own_name_violations, subject_alt_name_violations, subject_violations
from es_pki.decider import Violation
from es_pki.values import (
    ExtendedKeyUsage,
    Issuer,
    KeyType,
    KeyUsage,
    Profile,
    Template,
    common_names,
)

LONGEST_PATH = 255
"""Authorities below another, at most: some programs keep the number in an octet."""


class ProfileTerms(Struct, frozen=True):
    """What certificates of a profile are for. The key usages are by key: RSA enciphers keys, EC agrees on them."""

    extended_key_usages: tuple[ExtendedKeyUsage, ...]
    default_validity_days: int
    enciphers: bool = False
    is_authority: bool = False


PROFILES: dict[Profile, ProfileTerms] = {
    Profile.SERVER: ProfileTerms((ExtendedKeyUsage.SERVER_AUTH,), 90, enciphers=True),
    Profile.CLIENT: ProfileTerms((ExtendedKeyUsage.CLIENT_AUTH,), 90),
    Profile.SERVER_CLIENT: ProfileTerms(
        (ExtendedKeyUsage.SERVER_AUTH, ExtendedKeyUsage.CLIENT_AUTH), 90, enciphers=True
    ),
    Profile.EMAIL: ProfileTerms((ExtendedKeyUsage.EMAIL_PROTECTION,), 365, enciphers=True),
    Profile.CODE_SIGNING: ProfileTerms((ExtendedKeyUsage.CODE_SIGNING,), 365),
    Profile.INTERMEDIATE: ProfileTerms((), 1825, is_authority=True),
}


SIGNING_USAGES = frozenset(
    {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.CONTENT_COMMITMENT, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}
)


def key_usages(profile: Profile, key_type: KeyType) -> tuple[KeyUsage, ...]:
    """Return the key usages of a profile for a key (RFC 5280 section 4.2.1.3, RFC 8813 section 3, RFC 9881)."""
    terms = PROFILES[profile]
    if terms.is_authority:
        return (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
    if terms.enciphers and key_type.is_rsa:
        return (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT)
    if profile is Profile.EMAIL and key_type.is_ec:
        return (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT)
    return (KeyUsage.DIGITAL_SIGNATURE,)


class Draft(Struct, frozen=True):
    """A certificate before anyone agreed to it: what the rules judge.

    `issuer` is None when the subject signs for itself: then no policy applies, only the RFC. `now` is the command's
    time.
    """

    name: str
    profile: Profile
    template: Template
    issuer: Issuer | None
    now: datetime


Rule = Callable[[Draft], Iterator[Violation]]


def name_is_plain(draft: Draft) -> Iterator[Violation]:
    """Require a name that can stand in URLs and files."""
    yield from own_name_violations(draft.name)


def serial_number_fits(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.1.2.2: positive, at most 20 octets."""
    if not 0 < draft.template.serial_number < 1 << 159:
        yield Violation("serial_number", "RFC 5280 section 4.1.2.2", "1 to 159 bits, positive")


def something_is_named(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.1.2.6: an empty subject needs a subject alternative name; an authority needs a subject."""
    if draft.template.is_authority and not draft.template.subject:
        yield Violation("subject", "RFC 5280 section 4.1.2.6", "an authority has a subject")
    elif not draft.template.subject and not draft.template.subject_alt_names:
        yield Violation("subject", "RFC 5280 section 4.1.2.6", "give a subject or a subject alternative name")


def subject_is_well_formed(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 appendix A.1: the bounds and character sets of naming attributes."""
    yield from subject_violations(draft.template.subject)


def subject_alt_names_are_well_formed(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.2.1.6: the forms of subject alternative names."""
    yield from subject_alt_name_violations(draft.template.subject_alt_names)


def server_has_a_host_name(draft: Draft) -> Iterator[Violation]:
    """RFC 9525 section 6: a server is known by a DNS name or IP address among the subject alternative names."""
    names = draft.template.subject_alt_names
    if _is_server(draft) and not (names.dns_names or names.ip_addresses):
        yield Violation("dns_names", "RFC 9525 section 6.1", "a server needs a DNS name or an IP address")


def server_common_name_is_among_its_names(draft: Draft) -> Iterator[Violation]:
    """RFC 9525 section 2: a host name in the common name alone would escape the policy on names."""
    names = draft.template.subject_alt_names
    known = names.dns_names + names.ip_addresses
    if _is_server(draft) and any(name.lower() not in known for name in common_names(draft.template.subject)):
        yield Violation(
            "subject.common_name",
            "RFC 9525 section 2",
            "a common name is not among the certificate's DNS names and IP addresses",
        )


def email_certificate_has_a_mailbox(draft: Draft) -> Iterator[Violation]:
    """RFC 8550 section 3: the mailbox stands in the subject alternative names."""
    if draft.profile is Profile.EMAIL and not draft.template.subject_alt_names.email_addresses:
        yield Violation("email_addresses", "RFC 8550 section 3", "an e-mail certificate needs a mailbox")


def validity_is_in_order(draft: Draft) -> Iterator[Violation]:
    """RFC 5280 section 4.1.2.5: the end comes after the beginning."""
    if draft.template.not_after <= draft.template.not_before:
        yield Violation("validity_days", "RFC 5280 section 4.1.2.5", "the certificate would never be valid")


def post_quantum_key_only_signs(draft: Draft) -> Iterator[Violation]:
    """RFC 9881 section 5: an ML-DSA key neither enciphers nor agrees on keys."""
    if draft.template.public_key.key_type.is_ml_dsa:
        for usage in draft.template.key_usages:
            if usage not in SIGNING_USAGES:
                yield Violation("key_type", "RFC 9881 section 5", f"an ML-DSA key is not for {usage}")


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


RULES: tuple[Rule, ...] = (
    name_is_plain,
    serial_number_fits,
    something_is_named,
    subject_is_well_formed,
    subject_alt_names_are_well_formed,
    server_has_a_host_name,
    server_common_name_is_among_its_names,
    email_certificate_has_a_mailbox,
    post_quantum_key_only_signs,
    validity_is_in_order,
    validity_is_within_the_issuer,
    validity_is_within_the_policy,
    key_type_is_within_the_policy,
    purposes_are_within_the_policy,
    names_are_within_the_policy,
    names_are_within_the_constraints,
    subject_is_not_the_issuers,
    path_length_is_within_the_issuer,
)


def violations(draft: Draft) -> Iterator[Violation]:
    """Yield every rule that the draft breaks."""
    for rule in RULES:
        yield from rule(draft)


def _is_server(draft: Draft) -> bool:
    return ExtendedKeyUsage.SERVER_AUTH in draft.template.extended_key_usages
