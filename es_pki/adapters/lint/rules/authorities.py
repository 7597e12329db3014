"""What makes an authority, and what only an authority has (RFC 5280 sections 4.2.1.3, 4.2.1.9 to 4.2.1.11)."""

from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate
from es_pki.adapters.lint.contents import DNS_NAME, IP_ADDRESS, RFC822_NAME, URI, Subtree
from es_pki.adapters.lint.forms import email_address_fault, host_fault, network_fault
from es_pki.adapters.lint.rules.keys import KEY_CERT_SIGN


def basic_constraints_of_an_authority_are_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.9: the basic constraints of an authority are critical."""
    if certificate.is_authority and not certificate.criticality[oids.BASIC_CONSTRAINTS]:
        yield "mark the basic constraints as critical"


def authority_has_a_key_usage(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.3: a certificate whose key verifies others has a key usage."""
    if certificate.is_authority and oids.KEY_USAGE not in certificate.criticality:
        yield "an authority has a key usage with keyCertSign"


def only_authorities_sign_certificates(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.9: keyCertSign and CA:TRUE go together."""
    usages = certificate.key_usages
    if usages is not None and (KEY_CERT_SIGN in usages) != certificate.is_authority:
        yield "keyCertSign and CA:TRUE go together: set both or none"


def only_authorities_have_a_path_length(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.9: a path length, 0 or more, only with CA:TRUE and keyCertSign."""
    constraints = certificate.basic_constraints
    if constraints is None or constraints.path_length is None:
        return
    signs = certificate.key_usages is None or KEY_CERT_SIGN in certificate.key_usages
    if not constraints.is_authority or not signs or constraints.path_length < 0:
        yield "a path length, 0 or more, stands only in an authority with keyCertSign"


def path_length_is_below_the_issuers(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 6.1.4: what an issuer with a path length issues leaves a shorter path."""
    issuer = certificate.issuer_certificate
    if issuer is None or issuer.basic_constraints is None or not certificate.is_authority:
        return
    own, above = certificate.basic_constraints, issuer.basic_constraints.path_length
    if (
        own is not None
        and above is not None
        and (above < 1 or (own.path_length is not None and own.path_length >= above))
    ):
        yield f"the issuer leaves a path of {above}: no authority below it validates with this one"


def issuer_is_an_authority(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 6.1.4: the issuer's certificate says CA:TRUE, and keyCertSign if it has a key usage."""
    issuer = certificate.issuer_certificate
    if issuer is not None and not (
        issuer.is_authority and (issuer.key_usages is None or KEY_CERT_SIGN in issuer.key_usages)
    ):
        yield "the issuer's certificate isn't an authority's: nothing that it issues validates"


def only_authorities_constrain_names(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.10: name constraints stand only in authorities."""
    yield from _only_authorities(certificate, oids.NAME_CONSTRAINTS, "name constraints")


def only_authorities_constrain_policies(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.11: policy constraints stand only in authorities."""
    yield from _only_authorities(certificate, oids.POLICY_CONSTRAINTS, "policy constraints")


def only_authorities_inhibit_any_policy(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.14: inhibitAnyPolicy stands only in authorities."""
    yield from _only_authorities(certificate, oids.INHIBIT_ANY_POLICY, "inhibitAnyPolicy")


def only_authorities_map_policies(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.5: policy mappings stand only in authorities."""
    yield from _only_authorities(certificate, oids.POLICY_MAPPINGS, "policy mappings")


def _only_authorities(certificate: Certificate, oid: bytes, what: str) -> Iterator[str]:
    if oid in certificate.criticality and not certificate.is_authority:
        yield f"only authorities have {what}"


def name_constraints_constrain(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.10: there are permitted or excluded subtrees, and neither list is empty."""
    constraints = certificate.name_constraints
    if constraints is not None and not any(trees for trees in constraints):
        yield "name constraints without subtrees constrain nothing: leave them away"
    elif constraints is not None and () in constraints:
        yield "an empty list of subtrees is left away"


def subtrees_have_no_distances(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.10: minimum is zero, which DER leaves away, and maximum is absent."""
    if any(subtree.has_distance for subtree in _subtrees(certificate)):
        yield "a subtree has neither minimum nor maximum"


def subtrees_are_well_formed(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.10: hosts and domains in preferred syntax, mailboxes, networks with their masks."""
    for subtree in _subtrees(certificate):
        fault = _FAULTS.get(subtree.base[0], _no_fault)(subtree.base[1])
        if fault:
            yield fault


def _subtrees(certificate: Certificate) -> Iterator[Subtree]:
    for trees in certificate.name_constraints or ():
        yield from trees or ()


def _no_fault(_: bytes) -> str:
    return ""


def _domain_fault(domain: bytes) -> str:
    return host_fault(domain) if domain else ""


def _host_or_domain_fault(host: bytes) -> str:
    return host_fault(host.removeprefix(b"."))


def _mailbox_or_host_fault(value: bytes) -> str:
    return email_address_fault(value) if b"@" in value else _host_or_domain_fault(value)


_FAULTS = {
    DNS_NAME: _domain_fault,
    RFC822_NAME: _mailbox_or_host_fault,
    URI: _host_or_domain_fault,
    IP_ADDRESS: network_fault,
}


def policy_constraints_constrain(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.11: policy constraints are not an empty sequence."""
    if certificate.policy_constraints == ():
        yield "policy constraints without content constrain nothing: leave them away"


def any_policy_is_not_mapped(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.5: policies are not mapped to or from anyPolicy; there is at least one mapping."""
    mappings = certificate.policy_mappings
    if mappings is not None and (not mappings or any(oids.ANY_POLICY in mapping for mapping in mappings)):
        yield "policy mappings name policies other than anyPolicy"


ERRORS = (
    basic_constraints_of_an_authority_are_critical,
    authority_has_a_key_usage,
    only_authorities_sign_certificates,
    only_authorities_have_a_path_length,
    path_length_is_below_the_issuers,
    issuer_is_an_authority,
    only_authorities_constrain_names,
    only_authorities_constrain_policies,
    only_authorities_inhibit_any_policy,
    only_authorities_map_policies,
    name_constraints_constrain,
    subtrees_have_no_distances,
    subtrees_are_well_formed,
    policy_constraints_constrain,
    any_policy_is_not_mapped,
)
