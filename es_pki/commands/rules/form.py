"""What RFC 5280 and its neighbours want of every certificate, whoever issues it."""

import re
from collections.abc import Iterator

from es_pki.commands.names import own_name_violations, subject_alt_name_violations, subject_violations
from es_pki.commands.rules.draft import Draft
from es_pki.decider import Violation
from es_pki.values import ExtendedKeyUsage, KeyType, KeyUsage, common_names

SIGNING_USAGES = frozenset(
    {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.CONTENT_COMMITMENT, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}
)

_ENCIPHERING = frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})
_SECURITY_IDENTIFIER = re.compile(r"S-1-[0-9]{1,15}(?:-[0-9]{1,10}){1,15}")


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
    if draft.is_server and not (names.dns_names or names.ip_addresses):
        yield Violation("dns_names", "RFC 9525 section 6.1", "a server needs a DNS name or an IP address")


def server_common_name_is_among_its_names(draft: Draft) -> Iterator[Violation]:
    """RFC 9525 section 2: a host name in the common name alone would escape the policy on names."""
    names = draft.template.subject_alt_names
    known = names.dns_names + names.ip_addresses
    if draft.is_server and any(name.lower() not in known for name in common_names(draft.template.subject)):
        yield Violation(
            "subject.common_name",
            "RFC 9525 section 2",
            "a common name is not among the certificate's DNS names and IP addresses",
        )


def email_certificate_has_a_mailbox(draft: Draft) -> Iterator[Violation]:
    """RFC 8550 section 3: the mailbox stands in the subject alternative names."""
    if draft.is_for_email and not draft.template.subject_alt_names.email_addresses:
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


def security_identifier_is_well_formed(draft: Draft) -> Iterator[Violation]:
    """MS-DTYP section 2.4.2.1: an account's security identifier, as `S-1-5-21-1-2-3-1105`."""
    if draft.template.security_identifier and not _SECURITY_IDENTIFIER.fullmatch(draft.template.security_identifier):
        yield Violation("security_identifier", "MS-DTYP section 2.4.2.1", "write it as S-1-5-21-1-2-3-1105")


def ticket_granting_service_is_a_kdc(draft: Draft) -> Iterator[Violation]:
    """RFC 4556 section 3.2.4: krbtgt/REALM@REALM is the name of a KDC, which has no other."""
    is_kdc = ExtendedKeyUsage.KDC_AUTHENTICATION in draft.template.extended_key_usages
    for name in draft.template.subject_alt_names.kerberos_principal_names:
        principal, _, realm = name.rpartition("@")
        if is_kdc and principal != f"krbtgt/{realm}":
            yield Violation("kerberos_principal_names", "RFC 4556 section 3.2.4", "a KDC is krbtgt/REALM@REALM")
        elif not is_kdc and principal.partition("/")[0] == "krbtgt":
            detail = "krbtgt is a KDC: take a profile for kdc_authentication"
            yield Violation("kerberos_principal_names", "RFC 4556 section 3.2.4", detail)


def elliptic_curve_key_does_not_encipher(draft: Draft) -> Iterator[Violation]:
    """RFC 8813 section 3: a key of a NIST curve signs or agrees on keys, and enciphers nothing."""
    if draft.template.public_key.key_type.is_ec:
        for usage in draft.template.key_usages:
            if usage in _ENCIPHERING:
                yield Violation("key_type", "RFC 8813 section 3", f"an EC key is not for {usage}")


def edwards_key_only_signs(draft: Draft) -> Iterator[Violation]:
    """RFC 9295 section 3: an Ed25519 key neither enciphers nor agrees on keys."""
    if draft.template.public_key.key_type is KeyType.ED25519:
        for usage in draft.template.key_usages:
            if usage not in SIGNING_USAGES:
                yield Violation("key_type", "RFC 9295 section 3", f"an Ed25519 key is not for {usage}")


def rsa_key_does_not_agree_on_keys(draft: Draft) -> Iterator[Violation]:
    """RFC 3279 section 2.3.1: an RSA key signs or enciphers, and agrees on no key."""
    if draft.template.public_key.key_type.is_rsa and KeyUsage.KEY_AGREEMENT in draft.template.key_usages:
        yield Violation("key_type", "RFC 3279 section 2.3.1", "an RSA key is not for key_agreement")
