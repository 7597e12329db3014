"""What a certificate is for, and whether its key usage agrees (RFC 5280 section 4.2.1.12)."""

from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate
from es_pki.adapters.lint.rules.keys import CONTENT_COMMITMENT, DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_ENCIPHERMENT

NEEDED: dict[bytes, frozenset[int]] = {
    oids.SERVER_AUTH: frozenset({DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, KEY_AGREEMENT}),
    oids.CLIENT_AUTH: frozenset({DIGITAL_SIGNATURE, KEY_AGREEMENT}),
    oids.CODE_SIGNING: frozenset({DIGITAL_SIGNATURE}),
    oids.EMAIL_PROTECTION: frozenset({DIGITAL_SIGNATURE, CONTENT_COMMITMENT, KEY_ENCIPHERMENT, KEY_AGREEMENT}),
    oids.TIME_STAMPING: frozenset({DIGITAL_SIGNATURE, CONTENT_COMMITMENT}),
    oids.OCSP_SIGNING: frozenset({DIGITAL_SIGNATURE, CONTENT_COMMITMENT}),
}
"""Of which key usages each purpose takes one."""


def there_is_a_purpose(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.12: an extended key usage lists at least one purpose."""
    if certificate.extended_key_usages == ():
        yield "the extended key usage lists no purpose: leave it away or list one"


def purposes_are_distinct(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.12: a purpose stands there once."""
    purposes = certificate.extended_key_usages or ()
    if len(set(purposes)) != len(purposes):
        yield "a purpose stands there twice"


def any_purpose_is_not_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.12: with anyExtendedKeyUsage the extension is best not critical."""
    if oids.ANY_PURPOSE in (certificate.extended_key_usages or ()) and certificate.criticality[oids.EXTENDED_KEY_USAGE]:
        yield "mark an extended key usage with anyExtendedKeyUsage as not critical"


def key_usage_suits_the_purposes(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.12: a key usage that rules a purpose out leaves nothing that the certificate is for."""
    usages = certificate.key_usages
    if usages is None or certificate.is_authority:
        return
    for purpose in certificate.extended_key_usages or ():
        if purpose in NEEDED and not usages & NEEDED[purpose]:
            yield f"the key usage rules the purpose {oids.dotted(purpose)} out"


def time_stamping_stands_alone(certificate: Certificate) -> Iterator[str]:
    """RFC 3161 section 2.3: a time-stamping certificate is for nothing else, and says so critically."""
    purposes = certificate.extended_key_usages or ()
    if oids.TIME_STAMPING not in purposes or certificate.is_authority:
        return
    if len(purposes) > 1 or not certificate.criticality[oids.EXTENDED_KEY_USAGE]:
        yield "time stamping is the only purpose, in a critical extended key usage"


ERRORS = (
    there_is_a_purpose,
    key_usage_suits_the_purposes,
    time_stamping_stands_alone,
)
WARNINGS = (purposes_are_distinct, any_purpose_is_not_critical)
