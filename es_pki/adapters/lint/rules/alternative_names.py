"""The alternative names (RFC 5280 sections 4.2.1.6 and 4.2.1.7)."""

import re
from collections.abc import Iterator
from contextlib import suppress

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate, name
from es_pki.adapters.lint.contents import DIRECTORY_NAME, DNS_NAME, IP_ADDRESS, OTHER_NAME, RFC822_NAME, URI
from es_pki.adapters.lint.elements import (
    EXPLICIT,
    GENERAL_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    UTF8_STRING,
    NotDER,
    content,
    elements,
    integer,
    only,
)
from es_pki.adapters.lint.forms import email_address_fault, host_fault, uri_fault

_PRINTABLE_ASCII = re.compile(rb"[!-~]+")


def there_is_an_alternative_name(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: where the extension is, there is at least one name."""
    if () in {certificate.subject_alt_names, certificate.issuer_alt_names}:
        yield "an alternative name extension has a name: leave it away or add one"


def alternative_names_replace_an_empty_subject(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: where the subject is empty, the subject alternative names are critical."""
    if not certificate.subject and certificate.criticality.get(oids.SUBJECT_ALT_NAME) is False:
        yield "mark the subject alternative names as critical, since the subject is empty"


def alternative_names_join_a_subject(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: where there is a subject, the subject alternative names are best not critical."""
    if certificate.subject and certificate.criticality.get(oids.SUBJECT_ALT_NAME):
        yield "mark the subject alternative names as not critical, since there is a subject"


def dns_names_are_host_names(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: a dNSName is in preferred name syntax, without a dot at its end and not blank."""
    for value in _values(certificate, DNS_NAME):
        fault = host_fault(value.removeprefix(b"*."))
        if fault and b"*" not in value.removeprefix(b"*."):
            yield fault


def wildcards_stand_leftmost(certificate: Certificate) -> Iterator[str]:
    """RFC 9525 section 6.3: a wildcard is the whole leftmost label."""
    for value in _values(certificate, DNS_NAME):
        if b"*" in value.removeprefix(b"*."):
            yield "a wildcard is the whole leftmost label, before a domain"


def ip_addresses_have_4_or_16_octets(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: an iPAddress has 4 octets, or 16."""
    for value in _values(certificate, IP_ADDRESS):
        if len(value) not in {4, 16}:
            yield f"an IP address has 4 octets or 16, not {len(value)}"


def email_addresses_are_mailboxes(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: an rfc822Name is a mailbox without name or comment."""
    for value in _values(certificate, RFC822_NAME):
        fault = email_address_fault(value)
        if fault:
            yield fault


def uris_are_absolute(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: a URI is absolute, with a scheme and something behind it."""
    for value in _values(certificate, URI):
        fault = uri_fault(value)
        if fault:
            yield fault


def directory_names_are_not_empty(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: a directoryName is a distinguished name that names somebody."""
    for value in _values(certificate, DIRECTORY_NAME):
        try:
            if name(only(value, SEQUENCE)):
                continue
        except NotDER as problem:
            yield f"a directory name can't be read: {problem}"
        else:
            yield "a directory name is empty"


def other_names_have_a_type(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: an otherName is a type and one value."""
    for value in _values(certificate, OTHER_NAME):
        try:
            parts = elements(value)
            inner = elements(parts[1][1]) if [tag for tag, _ in parts] == [OBJECT_IDENTIFIER, 0xA0] else []
        except NotDER:
            inner = []
        if len(inner) != 1:
            yield "an other name is a type and one value"


def kerberos_principals_are_well_formed(certificate: Certificate) -> Iterator[str]:
    """RFC 4556 section 3.2.2: an id-pkinit-san is a realm and a principal's name (RFC 4120 section 5.2)."""
    for value in _other_values(certificate, oids.KERBEROS_PRINCIPAL_NAME):
        try:
            realm, principal = elements(only(value, SEQUENCE))
            kind, components = elements(only(content(principal, EXPLICIT + 1), SEQUENCE))
            integer(only(content(kind, EXPLICIT), INTEGER))
            texts = [only(content(realm, EXPLICIT), GENERAL_STRING)]
            texts += [
                content(each, GENERAL_STRING) for each in elements(only(content(components, EXPLICIT + 1), SEQUENCE))
            ]
        except ValueError:
            texts = []
        if len(texts) < 2 or not all(_PRINTABLE_ASCII.fullmatch(text) for text in texts):
            yield "a Kerberos principal is a realm and at least one component, of printable ASCII characters"


def user_principal_names_are_text(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: a user principal name is of its type, one UTF8String (MS-WCCE section 2.2.2.7.5)."""
    for value in _other_values(certificate, oids.USER_PRINCIPAL_NAME):
        try:
            is_text = bool(only(value, UTF8_STRING).decode())
        except ValueError:
            is_text = False
        if not is_text:
            yield "a user principal name is one UTF8String"


def _other_values(certificate: Certificate, kind: bytes) -> Iterator[bytes]:
    """Yield the values of the otherNames of a type; what is no otherName has a rule of its own."""
    for value in _values(certificate, OTHER_NAME):
        with suppress(NotDER):
            parts = elements(value)
            if parts[:1] == [(OBJECT_IDENTIFIER, kind)] and len(parts) == 2:
                yield parts[1][1]


def alternative_names_are_distinct(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.6: a name that stands there twice makes the certificate longer, and nothing else."""
    names = certificate.subject_alt_names or ()
    if len(set(names)) != len(names):
        yield "a subject alternative name stands there twice"


def _values(certificate: Certificate, form: int) -> Iterator[bytes]:
    for tag, value in (certificate.subject_alt_names or ()) + (certificate.issuer_alt_names or ()):
        if tag == form:
            yield value


ERRORS = (
    there_is_an_alternative_name,
    alternative_names_replace_an_empty_subject,
    dns_names_are_host_names,
    wildcards_stand_leftmost,
    ip_addresses_have_4_or_16_octets,
    email_addresses_are_mailboxes,
    uris_are_absolute,
    directory_names_are_not_empty,
    other_names_have_a_type,
    kerberos_principals_are_well_formed,
    user_principal_names_are_text,
)
WARNINGS = (alternative_names_join_a_subject, alternative_names_are_distinct)
