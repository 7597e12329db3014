"""The rules that every to-be-signed certificate passes.

A rule is one small function named after what it requires, with its source; `RULES` is all of them.
"""

from collections.abc import Iterator

from es_pki.commands.rules import form, issuer, profile
from es_pki.commands.rules.draft import Draft, Rule
from es_pki.decider import Violation

__all__ = ["RULES", "Draft", "Rule", "violations"]

RULES: tuple[Rule, ...] = (
    form.name_is_plain,
    form.serial_number_fits,
    form.something_is_named,
    form.subject_is_well_formed,
    form.subject_alt_names_are_well_formed,
    form.security_identifier_is_well_formed,
    form.ticket_granting_service_is_a_kdc,
    form.server_has_a_host_name,
    form.server_common_name_is_among_its_names,
    form.email_certificate_has_a_mailbox,
    form.post_quantum_key_only_signs,
    form.edwards_key_only_signs,
    form.elliptic_curve_key_does_not_encipher,
    form.rsa_key_does_not_agree_on_keys,
    form.validity_is_in_order,
    profile.key_type_is_within_the_profile,
    profile.validity_is_within_the_profile,
    profile.validity_is_within_the_dated_maximum,
    profile.name_forms_are_within_the_profile,
    profile.required_names_are_there,
    profile.names_are_within_the_profile,
    profile.subject_attributes_are_within_the_profile,
    profile.required_subject_attributes_are_there,
    profile.fixed_subject_attributes_are_as_fixed,
    issuer.validity_is_within_the_issuer,
    issuer.validity_is_within_the_policy,
    issuer.key_type_is_within_the_policy,
    issuer.purposes_are_within_the_policy,
    issuer.names_are_within_the_policy,
    issuer.accounts_are_within_the_policy,
    issuer.names_are_within_the_constraints,
    issuer.subject_is_not_the_issuers,
    issuer.path_length_is_within_the_issuer,
)


def violations(draft: Draft) -> Iterator[Violation]:
    """Yield every rule that the draft breaks."""
    for rule in RULES:
        yield from rule(draft)
