"""Where more is to be had, and under which policies (RFC 5280 sections 4.2.1.4, 4.2.1.13 and 4.2.2.1)."""

import re
from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate
from es_pki.adapters.lint.contents import URI
from es_pki.adapters.lint.elements import (
    BMP_STRING,
    IA5_STRING,
    SEQUENCE,
    VISIBLE_STRING,
    Element,
    NotDER,
    elements,
)
from es_pki.adapters.lint.forms import scheme_of, uri_fault

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def distribution_points_lead_somewhere(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.13: there is a point, and each has a name or an issuer of CRLs, not only reasons."""
    points = certificate.distribution_points
    if points is not None and (
        not points or not all(point.names or point.has_relative_name or point.has_issuer for point in points)
    ):
        yield "a CRL distribution point has a name or a CRL issuer"


def crl_uris_are_absolute(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.13: each URI of a CRL is absolute."""
    for point in certificate.distribution_points or ():
        yield from (fault for tag, value in point.names if tag == URI and (fault := uri_fault(value)))


def crls_are_at_http_or_ldap(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.13: one of the URIs of a point is http or ldap."""
    for point in certificate.distribution_points or ():
        uris = [value for tag, value in point.names if tag == URI]
        if uris and not any(scheme_of(uri) in {b"http", b"ldap"} for uri in uris):
            yield "give a CRL distribution point an http URI: most verifiers fetch no others"


def access_leads_somewhere(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.2.1: authority information access lists at least one place."""
    if certificate.access_descriptions == ():
        yield "authority information access lists no place: leave it away"


def access_uris_are_absolute(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.2.1: each URI is absolute."""
    for uri in _access_uris(certificate):
        fault = uri_fault(uri)
        if fault:
            yield fault


def ocsp_responders_have_a_uri(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.2.1, RFC 6960 section 3.1: an OCSP responder is given by its URI."""
    for access in certificate.access_descriptions or ():
        if access.method == oids.OCSP and access.location[0] != URI:
            yield "an OCSP responder is given by its URI"


def nothing_needs_tls(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 8: a verifier that needs a CRL to fetch a CRL never ends: no https URIs."""
    points = certificate.distribution_points or ()
    crls = [value for point in points for tag, value in point.names if tag == URI]
    if any(scheme_of(uri) == b"https" for uri in (*crls, *_access_uris(certificate))):
        yield "point to CRLs, issuers and responders by http, not https: all of them are signed"


def _access_uris(certificate: Certificate) -> Iterator[bytes]:
    for access in certificate.access_descriptions or ():
        if access.location[0] == URI:
            yield access.location[1]


def policies_are_distinct(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.4: at least one policy, and none twice."""
    policies = certificate.policies
    if policies is not None and (not policies or len({policy.oid for policy in policies}) != len(policies)):
        yield "the policies are at least one, and none stands there twice"


def any_policy_has_plain_qualifiers(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.4: anyPolicy has only the qualifiers of this section."""
    for policy in certificate.policies or ():
        if policy.oid == oids.ANY_POLICY and any(
            kind not in {oids.CPS, oids.USER_NOTICE} for kind, _ in policy.qualifiers
        ):
            yield "anyPolicy has no other qualifiers than CPS and user notice"


def practice_statements_have_a_uri(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.4: a CPS pointer is a URI."""
    for kind, (tag, value) in _qualifiers(certificate):
        fault = uri_fault(value) if tag == IA5_STRING else "a CPS pointer is an IA5String"
        if kind == oids.CPS and fault:
            yield fault


def notices_are_utf_8(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.4, RFC 6818 section 3: the text of a user notice is a UTF8String."""
    for tag, _ in _notices(certificate):
        if tag in {VISIBLE_STRING, BMP_STRING, IA5_STRING}:
            yield "the text of a user notice is a UTF8String"


def notices_are_plain_text(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.4: a user notice has at most 200 characters, and no control character."""
    for _, value in _notices(certificate):
        text = value.decode("utf-8", "replace")
        if len(text) > 200 or _CONTROL.search(text):
            yield "a user notice has at most 200 characters, and no control character"


def _qualifiers(certificate: Certificate) -> Iterator[tuple[bytes, Element]]:
    for policy in certificate.policies or ():
        yield from policy.qualifiers


def _notices(certificate: Certificate) -> Iterator[Element]:
    """Yield the texts of the user notices: a notice is a reference, which is a SEQUENCE, and a text; both may lack."""
    for kind, (_, body) in _qualifiers(certificate):
        try:
            parts = elements(body) if kind == oids.USER_NOTICE else []
        except NotDER:
            parts = [(VISIBLE_STRING, b"")]
        yield from (part for part in parts if part[0] != SEQUENCE)


ERRORS = (
    distribution_points_lead_somewhere,
    crl_uris_are_absolute,
    access_leads_somewhere,
    access_uris_are_absolute,
    ocsp_responders_have_a_uri,
    policies_are_distinct,
    any_policy_has_plain_qualifiers,
    practice_statements_have_a_uri,
    notices_are_utf_8,
)
WARNINGS = (crls_are_at_http_or_ldap, nothing_needs_tls, notices_are_plain_text)
