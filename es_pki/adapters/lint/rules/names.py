"""The distinguished names (RFC 5280 sections 4.1.2.4 and 4.1.2.6, appendix A.1).

The issuer's name is compared, not judged: it was when the issuer's certificate was.
"""

import re
from collections.abc import Callable, Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Attribute, Certificate
from es_pki.adapters.lint.contents import RFC822_NAME
from es_pki.adapters.lint.elements import (
    BMP_STRING,
    IA5_STRING,
    PRINTABLE_STRING,
    TELETEX_STRING,
    UNIVERSAL_STRING,
    UTF8_STRING,
)
from es_pki.adapters.lint.forms import email_address_fault, host_fault

UPPER_BOUNDS = {
    oids.COMMON_NAME: 64,
    oids.SERIAL_NUMBER: 64,
    oids.COUNTRY: 2,
    oids.LOCALITY: 128,
    oids.STATE_OR_PROVINCE: 128,
    oids.ORGANIZATION: 64,
    oids.ORGANIZATIONAL_UNIT: 64,
    oids.TITLE: 64,
    oids.PSEUDONYM: 128,
    oids.EMAIL_ADDRESS: 255,
    oids.NAME: 32_768,
    oids.SURNAME: 32_768,
    oids.GIVEN_NAME: 32_768,
    oids.INITIALS: 32_768,
    oids.GENERATION_QUALIFIER: 32_768,
}
"""Characters in a value (RFC 5280 appendix A.1, the `ub-` numbers)."""

PRINTABLE_ONLY = frozenset({oids.COUNTRY, oids.SERIAL_NUMBER, oids.DN_QUALIFIER})
IA5_ONLY = frozenset({oids.DOMAIN_COMPONENT, oids.EMAIL_ADDRESS})
DIRECTORY_STRINGS = frozenset(
    {
        *(UPPER_BOUNDS.keys() - PRINTABLE_ONLY - IA5_ONLY),
        oids.STREET_ADDRESS,
        oids.POSTAL_CODE,
        oids.USER_ID,
    }
)
"""Which string type each kind of attribute has."""

_NOT_PRINTABLE = re.compile(rb"[^A-Za-z0-9 '()+,\-./:=?]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ENCODINGS = {
    UTF8_STRING: "utf-8",
    PRINTABLE_STRING: "ascii",
    IA5_STRING: "ascii",
    TELETEX_STRING: "latin-1",
    BMP_STRING: "utf-16-be",
    UNIVERSAL_STRING: "utf-32-be",
}


def issuer_is_not_empty(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.4: the issuer has a name that isn't empty."""
    if not certificate.issuer:
        yield "the issuer has no name"


def issuer_is_the_issuers_subject(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.6: an authority's subject stands in what it issues, encoded alike to the byte."""
    if certificate.signer is not None and certificate.issuer != certificate.signer.subject:
        yield "the issuer's name is not byte for byte the subject of the issuer's certificate"


def authority_has_a_subject(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.6: the subject of an authority is not empty."""
    if certificate.is_authority and not certificate.subject:
        yield "an authority has a subject: give it a common name"


def something_is_named(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.6: where the subject is empty, its names are alternative names."""
    if not certificate.subject and oids.SUBJECT_ALT_NAME not in certificate.criticality:
        yield "give a subject or a subject alternative name"


def rdns_have_one_of_a_kind(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.4, X.501 section 9.3: an RDN has attributes, each of another type."""
    for rdn in certificate.attributes:
        if len({attribute.type for attribute in rdn}) != len(rdn) or not rdn:
            yield "an RDN is empty or has two attributes of one type"


def attributes_have_the_right_type(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 appendix A.1: PrintableString or UTF8String; some attributes are only one type of string."""
    for attribute in _all(certificate):
        if attribute.tag not in _string_types(attribute.type):
            yield f"the attribute {oids.dotted(attribute.type)} is of another type of string"


def _string_types(kind: bytes) -> tuple[int, ...]:
    if kind in PRINTABLE_ONLY:
        return (PRINTABLE_STRING,)
    if kind in IA5_ONLY:
        return (IA5_STRING,)
    if kind in DIRECTORY_STRINGS:
        return (PRINTABLE_STRING, UTF8_STRING, TELETEX_STRING, BMP_STRING, UNIVERSAL_STRING)
    return tuple(range(256))


def attributes_are_not_of_old_types(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.4: TeletexString, BMPString and UniversalString are for names that had them before."""
    for attribute in _all(certificate):
        if attribute.tag in {TELETEX_STRING, BMP_STRING, UNIVERSAL_STRING}:
            yield f"the attribute {oids.dotted(attribute.type)} is best a UTF8String"


def characters_are_of_their_type(certificate: Certificate) -> Iterator[str]:
    """X.680 section 41: a string has only characters of its type, and UTF-8 is in its shortest form."""
    for attribute in _all(certificate):
        if text_of(attribute) is None:
            yield f"the attribute {oids.dotted(attribute.type)} has characters that its type of string lacks"


def attributes_are_within_bounds(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 appendix A.1: the upper bounds of naming attributes, in characters; none is empty."""
    for attribute in _all(certificate):
        text = text_of(attribute)
        bound = UPPER_BOUNDS.get(attribute.type, 32_768)
        if text is not None and not 0 < len(text) <= bound:
            yield f"the attribute {oids.dotted(attribute.type)} has {len(text)} characters: 1 to {bound}"


def attributes_are_printable(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 7.1, RFC 4518 section 2.2: control characters are no part of a name."""
    for attribute in _all(certificate):
        if _CONTROL.search(text_of(attribute) or ""):
            yield f"the attribute {oids.dotted(attribute.type)} has a control character"


def country_is_two_letters(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 appendix A.1 X520countryName: two letters of ISO 3166."""
    for attribute in _all(certificate):
        if attribute.type == oids.COUNTRY and not re.fullmatch(rb"[A-Za-z]{2}", attribute.value):
            yield "a country is two letters"


def email_attributes_are_mailboxes(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.6: an emailAddress is a mailbox of RFC 5321."""
    for address in _of(certificate, oids.EMAIL_ADDRESS):
        fault = email_address_fault(address)
        if fault:
            yield fault


def email_attributes_are_alternative_names(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.6: an address in the subject stands among the alternative names too."""
    names = {value for tag, value in certificate.subject_alt_names or () if tag == RFC822_NAME}
    for address in _of(certificate, oids.EMAIL_ADDRESS):
        if address not in names:
            yield "an e-mail address in the subject is no subject alternative name: give it as e-mail address"


def domain_components_form_a_domain(certificate: Certificate) -> Iterator[str]:
    """RFC 4519 section 2.4, RFC 2247 section 2: each is a label, and together they are a domain name."""
    labels = list(_of(certificate, oids.DOMAIN_COMPONENT))
    if labels:
        fault = host_fault(b".".join(reversed(labels)))
        if fault:
            yield f"the domain components: {fault}"


def text_of(attribute: Attribute) -> str | None:
    """Return the text of a value, "?" if it is no string, None for characters that its type of string lacks."""
    encoding = _ENCODINGS.get(attribute.tag)
    if encoding is None:
        return "?"
    if attribute.tag == PRINTABLE_STRING and _NOT_PRINTABLE.search(attribute.value):
        return None
    try:
        return attribute.value.decode(encoding)
    except UnicodeDecodeError:
        return None


def _all(certificate: Certificate) -> Iterator[Attribute]:
    for rdn in certificate.attributes:
        yield from rdn


def _of(certificate: Certificate, kind: bytes) -> Iterator[bytes]:
    return (attribute.value for attribute in _all(certificate) if attribute.type == kind)


Rule = Callable[[Certificate], Iterator[str]]

ERRORS: tuple[Rule, ...] = (
    issuer_is_not_empty,
    issuer_is_the_issuers_subject,
    authority_has_a_subject,
    something_is_named,
    rdns_have_one_of_a_kind,
    attributes_have_the_right_type,
    characters_are_of_their_type,
    attributes_are_within_bounds,
    attributes_are_printable,
    country_is_two_letters,
    email_attributes_are_mailboxes,
    email_attributes_are_alternative_names,
    domain_components_form_a_domain,
)
WARNINGS: tuple[Rule, ...] = (attributes_are_not_of_old_types,)
