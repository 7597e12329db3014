"""A certificate for every rule of lint, which breaks it, and what pkilint says of it: its error, or nothing.

Where pkilint names nothing, it has no such check for a single certificate, or knows no such algorithm.
"""

from typing import NamedTuple

from es_pki.adapters.lint import oids
from es_pki.adapters.x509.der import (
    BIT_STRING,
    INTEGER,
    NULL,
    OCTET_STRING,
    element,
    integer,
    object_identifier,
    sequence,
)
from tests.adapters.lint.making import (
    BOOLEAN,
    GENERALIZED,
    IA5,
    ISSUER,
    ISSUER_NAME,
    LEAF_EXTENSIONS,
    PRINTABLE,
    SET,
    SIGNS,
    UTC,
    attribute,
    authority,
    issuer,
    leaf,
    name,
    names,
    oid,
    signed,
    to_be_signed,
    validity,
)
from tests.adapters.lint.pieces import (
    ANY_EMAIL,
    ECDSA_NULL,
    EMPTY,
    LONG_HOST,
    MAPPING,
    ONE_PERMITTED,
    POINT,
    REQUIRE_POLICY,
    SHA1_RSA,
    SHA256_RSA,
    SOME_POLICY,
    TWICE,
    UNKNOWN,
    constrained,
    key,
    notice,
    only_in_authorities,
    permitted,
    point,
    policy,
    rsa,
    usages,
    with_access,
    with_names,
    with_points,
    with_policies,
    with_subject,
)


class Sample(NamedTuple):
    """A certificate that breaks a rule, pkilint's code for it ("" for none), and the issuer's certificate."""

    certificate: bytes
    pkilint: str = ""
    issuer_certificate: bytes | None = ISSUER


BROKEN: dict[str, Sample] = {
    "version_is_3": Sample(
        leaf(version=element(0xA0, element(INTEGER, b"\x01"))), "pkix.certificate_version_is_not_v3"
    ),
    "serial_number_is_positive": Sample(
        leaf(serial_number=element(INTEGER, b"\xff")), "pkix.certificate_serial_number_out_of_range"
    ),
    "serial_number_fits_20_octets": Sample(
        leaf(serial_number=element(INTEGER, b"\x01" * 21)), "pkix.certificate_serial_number_out_of_range"
    ),
    "serial_number_is_unpredictable": Sample(leaf(serial_number=integer(7))),
    "signature_algorithm_holds": Sample(leaf(signature=SHA1_RSA)),
    "signature_parameters_are_right": Sample(leaf(signature=ECDSA_NULL), "itu.invalid_asn1_syntax"),
    "signature_algorithms_agree": Sample(
        signed(to_be_signed(LEAF_EXTENSIONS), SHA256_RSA), "pkix.certificate_signature_algorithm_mismatch"
    ),
    "signature_algorithm_is_the_issuers": Sample(leaf(signature=SHA256_RSA)),
    "times_are_plain": Sample(leaf(validity=validity((UTC, b"2605031200Z"))), "pkix.utctime_incorrect_syntax"),
    "times_have_the_right_type": Sample(
        leaf(validity=validity((GENERALIZED, b"20260503120000Z"))), "pkix.wrong_time_useful_type"
    ),
    "validity_is_in_order": Sample(
        leaf(validity=validity((UTC, b"280503120000Z"))), "pkix.certificate_negative_validity_period"
    ),
    "unique_identifiers_are_absent": Sample(leaf(unique=element(0x81, b"\0\1")), "pkix.issuer_unique_id_present"),
    "issuer_is_not_empty": Sample(leaf(issuer=EMPTY), "pkix.name_empty"),
    "issuer_is_the_issuers_subject": Sample(leaf(issuer=name(attribute(oids.COMMON_NAME, b"Example CA", PRINTABLE)))),
    "authority_has_a_subject": Sample(authority(subject=EMPTY)),
    "something_is_named": Sample(leaf({oids.SUBJECT_ALT_NAME: None}, subject=EMPTY)),
    "rdns_have_one_of_a_kind": Sample(
        leaf(
            subject=sequence(
                element(SET, attribute(oids.ORGANIZATION, b"A"), attribute(oids.ORGANIZATION, b"B")),
            )
        ),
        "pkix.rdn_contains_duplicate_attribute_types",
    ),
    "attributes_have_the_right_type": Sample(
        with_subject(attribute(oids.COMMON_NAME, b"www", IA5)), "itu.invalid_asn1_syntax"
    ),
    "characters_are_of_their_type": Sample(
        with_subject(attribute(oids.COMMON_NAME, b"a@b", PRINTABLE)), "itu.invalid_asn1_syntax"
    ),
    "attributes_are_within_bounds": Sample(
        with_subject(attribute(oids.COMMON_NAME, b"a" * 65)), "itu.invalid_asn1_syntax"
    ),
    "attributes_are_printable": Sample(with_subject(attribute(oids.COMMON_NAME, b"a\0b"))),
    "country_is_two_letters": Sample(with_subject(attribute(oids.COUNTRY, b"D1", PRINTABLE))),
    "email_attributes_are_mailboxes": Sample(
        with_subject(attribute(oids.EMAIL_ADDRESS, b"nobody", IA5)), "pkix.subject_email_address_not_in_san"
    ),
    "email_attributes_are_alternative_names": Sample(with_subject(ANY_EMAIL), "pkix.subject_email_address_not_in_san"),
    "domain_components_form_a_domain": Sample(with_subject(attribute(oids.DOMAIN_COMPONENT, b"-", IA5))),
    "attributes_are_not_of_old_types": Sample(with_subject(attribute(oids.COMMON_NAME, b"\0a", 0x1E))),
    "key_algorithm_is_known": Sample(leaf(key=key(UNKNOWN, b"", b"key"))),
    "key_parameters_are_right": Sample(leaf(key=key(oids.ED25519, NULL, bytes(32))), "itu.invalid_asn1_syntax"),
    "curve_is_known": Sample(leaf(key=key(oids.EC, object_identifier("1.3.132.0.10"), POINT))),
    "rsa_key_is_well_formed": Sample(leaf(key=rsa(1 << 2047, 65_537))),
    "rsa_key_is_long_enough": Sample(leaf(key=rsa((1 << 1024) - 1, 65_537))),
    "point_is_uncompressed": Sample(leaf(key=key(oids.EC, oid(oids.P256), b"\2" + POINT[1:33]))),
    "raw_key_has_the_right_length": Sample(leaf(key=key(oids.ED25519, b"", bytes(31)))),
    "key_usages_suit_the_key": Sample(
        leaf({oids.KEY_USAGE: usages(0b10100000, 5)}), "pkix.key_usage_value_prohibited_for_ec"
    ),
    "key_usage_has_a_bit": Sample(
        leaf({oids.KEY_USAGE: (True, element(BIT_STRING, b"\0")), oids.EXTENDED_KEY_USAGE: None}), "pkix.no_ku_bits_set"
    ),
    "only_bits_need_agreement": Sample(
        leaf({oids.KEY_USAGE: (True, element(BIT_STRING, bytes((7, 0b10001001, 0b10000000))))}),
        "pkix.both_encipheronly_and_decipheronly_ku_set",
    ),
    "key_usage_is_critical": Sample(leaf({oids.KEY_USAGE: (False, SIGNS)})),
    "extensions_are_distinct": Sample(TWICE, "pkix.duplicate_extension"),
    "extensions_can_be_read": Sample(leaf({oids.EXTENDED_KEY_USAGE: (False, b"\x30\x05")}), "itu.invalid_asn1_syntax"),
    "critical_extensions_are_known": Sample(leaf({UNKNOWN: (True, NULL)})),
    "authority_key_identifier_is_not_critical": Sample(
        leaf({oids.AUTHORITY_KEY_IDENTIFIER: (True, LEAF_EXTENSIONS[oids.AUTHORITY_KEY_IDENTIFIER][1])}),
        "pkix.authority_key_identifier_critical",
    ),
    "subject_key_identifier_is_not_critical": Sample(
        leaf({oids.SUBJECT_KEY_IDENTIFIER: (True, LEAF_EXTENSIONS[oids.SUBJECT_KEY_IDENTIFIER][1])}),
        "pkix.certificate_skid_extension_critical",
    ),
    "subject_directory_attributes_are_not_critical": Sample(
        leaf(
            {
                oids.SUBJECT_DIRECTORY_ATTRIBUTES: (
                    True,
                    sequence(sequence(object_identifier("2.5.4.72"), element(SET, element(PRINTABLE, b"a")))),
                )
            }
        ),
        "pkix.subject_directory_attributes_extension_critical",
    ),
    "freshest_crl_is_not_critical": Sample(
        leaf({oids.FRESHEST_CRL: (True, sequence(point(b"http://example.test/crl")))})
    ),
    "authority_info_access_is_not_critical": Sample(
        leaf(
            {
                oids.AUTHORITY_INFO_ACCESS: (
                    True,
                    sequence(sequence(oid(oids.OCSP), element(0x86, b"http://example.test/ocsp"))),
                )
            }
        ),
        "pkix.authority_information_access_extension_critical",
    ),
    "subject_info_access_is_not_critical": Sample(
        leaf(
            {
                oids.SUBJECT_INFO_ACCESS: (
                    True,
                    sequence(
                        sequence(object_identifier("1.3.6.1.5.5.7.48.5"), element(0x86, b"http://example.test/r"))
                    ),
                )
            }
        ),
        "pkix.subject_information_access_extension_critical",
    ),
    "issuer_alt_name_is_not_critical": Sample(leaf({oids.ISSUER_ALT_NAME: (True, names((0x82, b"ca.example.test")))})),
    "distribution_points_are_not_critical": Sample(
        leaf({oids.CRL_DISTRIBUTION_POINTS: (True, sequence(point(b"http://example.test/crl")))})
    ),
    "name_constraints_are_critical": Sample(
        authority({oids.NAME_CONSTRAINTS: (False, ONE_PERMITTED)}),
        "pkix.certificate_name_constraints_extension_not_critical",
    ),
    "policy_constraints_are_critical": Sample(authority({oids.POLICY_CONSTRAINTS: (False, REQUIRE_POLICY)})),
    "inhibit_any_policy_is_critical": Sample(authority({oids.INHIBIT_ANY_POLICY: (False, integer(0))})),
    "policy_mappings_are_critical": Sample(authority({oids.POLICY_MAPPINGS: (False, MAPPING)})),
    "basic_constraints_of_an_authority_are_critical": Sample(
        authority({oids.BASIC_CONSTRAINTS: (False, sequence(element(BOOLEAN, b"\xff")))}),
        "pkix.basic_constraints_extension_not_critical",
    ),
    "authority_has_a_key_usage": Sample(authority({oids.KEY_USAGE: None}), "pkix.ca_certificate_no_ku_extension"),
    "only_authorities_sign_certificates": Sample(
        leaf({oids.KEY_USAGE: usages(0b10000100, 2)}), "pkix.ee_certificate_keycertsign_keyusage_set"
    ),
    "only_authorities_have_a_path_length": Sample(
        leaf({oids.BASIC_CONSTRAINTS: (True, sequence(integer(0)))}), "itu.invalid_asn1_syntax"
    ),
    "path_length_is_below_the_issuers": Sample(
        authority(),
        "",
        issuer({oids.BASIC_CONSTRAINTS: (True, sequence(element(BOOLEAN, b"\xff"), integer(0)))}),
    ),
    "issuer_is_an_authority": Sample(leaf(), "", leaf(subject=ISSUER_NAME)),
    "only_authorities_constrain_names": Sample(
        only_in_authorities(oids.NAME_CONSTRAINTS, ONE_PERMITTED), "pkix.name_constraints_in_ee_certificate"
    ),
    "only_authorities_constrain_policies": Sample(
        only_in_authorities(oids.POLICY_CONSTRAINTS, REQUIRE_POLICY),
        "pkix.end_entity_policy_constraints_extension_present",
    ),
    "only_authorities_inhibit_any_policy": Sample(
        only_in_authorities(oids.INHIBIT_ANY_POLICY, integer(0)), "pkix.end_entity_inhibit_anypolicy_extension_present"
    ),
    "only_authorities_map_policies": Sample(
        only_in_authorities(oids.POLICY_MAPPINGS, MAPPING), "pkix.end_entity_policy_mappings_extension_present"
    ),
    "name_constraints_constrain": Sample(constrained(), "pkix.name_constraints_no_subtrees"),
    "subtrees_have_no_distances": Sample(
        permitted(0x82, b"example.test", element(0x81, b"\x01")), "pkix.name_constraints_maximum_specified"
    ),
    "subtrees_are_well_formed": Sample(
        permitted(0x87, bytes((10, 0, 0, 0, 255, 0, 255, 0))), "pkix.ip_address_name_constraint_invalid_cidr"
    ),
    "policy_constraints_constrain": Sample(authority({oids.POLICY_CONSTRAINTS: (True, EMPTY)})),
    "any_policy_is_not_mapped": Sample(
        authority({oids.POLICY_MAPPINGS: (True, sequence(sequence(oid(oids.ANY_POLICY), oid(SOME_POLICY))))})
    ),
    "authority_key_identifier_is_there": Sample(
        leaf({oids.AUTHORITY_KEY_IDENTIFIER: None}), "pkix.authority_key_identifier_extension_absent"
    ),
    "authority_key_identifier_has_the_key": Sample(
        leaf({oids.AUTHORITY_KEY_IDENTIFIER: (False, EMPTY)}), "pkix.authority_key_identifier_keyid_missing"
    ),
    "authority_key_identifier_is_the_issuers": Sample(
        leaf({oids.AUTHORITY_KEY_IDENTIFIER: (False, sequence(element(0x80, bytes(20))))})
    ),
    "authority_key_identifier_names_both_or_none": Sample(
        leaf({oids.AUTHORITY_KEY_IDENTIFIER: (False, sequence(element(0x80, bytes(20)), element(0x82, b"\1")))}),
        "pkix.aki_with_serial_number_but_cert_issuer_absent",
    ),
    "authority_has_a_subject_key_identifier": Sample(
        authority({oids.SUBJECT_KEY_IDENTIFIER: None}), "pkix.certificate_skid_ca_missing"
    ),
    "subject_key_identifier_is_not_empty": Sample(leaf({oids.SUBJECT_KEY_IDENTIFIER: (False, element(OCTET_STRING))})),
    "subject_key_identifier_is_there": Sample(leaf({oids.SUBJECT_KEY_IDENTIFIER: None})),
    "there_is_a_purpose": Sample(leaf({oids.EXTENDED_KEY_USAGE: (False, EMPTY)}), "itu.invalid_asn1_syntax"),
    "purposes_are_distinct": Sample(
        leaf({oids.EXTENDED_KEY_USAGE: (False, sequence(oid(oids.SERVER_AUTH), oid(oids.SERVER_AUTH)))})
    ),
    "any_purpose_is_not_critical": Sample(leaf({oids.EXTENDED_KEY_USAGE: (True, sequence(oid(oids.ANY_PURPOSE)))})),
    "key_usage_suits_the_purposes": Sample(leaf({oids.KEY_USAGE: usages(0b00000010, 1)})),
    "time_stamping_stands_alone": Sample(
        leaf({oids.EXTENDED_KEY_USAGE: (False, sequence(oid(oids.TIME_STAMPING)))}),
        "pkix.extended_key_usage_extension_with_timestamping_not_critical",
    ),
    "there_is_an_alternative_name": Sample(leaf({oids.SUBJECT_ALT_NAME: (False, EMPTY)}), "itu.invalid_asn1_syntax"),
    "alternative_names_replace_an_empty_subject": Sample(
        leaf(subject=EMPTY), "pkix.san_extension_not_critical_empty_subject"
    ),
    "alternative_names_join_a_subject": Sample(
        leaf({oids.SUBJECT_ALT_NAME: (True, names((0x82, b"www.example.test")))})
    ),
    "dns_names_are_host_names": Sample(with_names((0x82, b"www.example.test."))),
    "wildcards_stand_leftmost": Sample(with_names((0x82, b"www.*.example.test"))),
    "ip_addresses_have_4_or_16_octets": Sample(with_names((0x87, bytes(5))), "pkix.ip_address_wrong_length"),
    "email_addresses_are_mailboxes": Sample(with_names((0x81, b"<a@example.test>"))),
    "uris_are_absolute": Sample(with_names((0x86, b"//example.test/a"))),
    "directory_names_are_not_empty": Sample(with_names((0xA4, EMPTY))),
    "other_names_have_a_type": Sample(with_names((0xA0, oid(UNKNOWN))), "itu.invalid_asn1_syntax"),
    "kerberos_principals_are_well_formed": Sample(
        with_names((0xA0, element(6, oids.KERBEROS_PRINCIPAL_NAME) + element(0xA0, sequence())))
    ),
    "user_principal_names_are_text": Sample(
        with_names((0xA0, element(6, oids.USER_PRINCIPAL_NAME) + element(0xA0, element(0x16, b"a@a.test"))))
    ),
    "alternative_names_are_distinct": Sample(with_names((0x82, b"www.example.test"), (0x82, b"www.example.test"))),
    "distribution_points_lead_somewhere": Sample(
        with_points(sequence(element(0x81, b"\6\x40"))), "pkix.distribution_point_does_not_contain_name_or_issuer"
    ),
    "crl_uris_are_absolute": Sample(with_points(point(b"crl"))),
    "crls_are_at_http_or_ldap": Sample(with_points(point(b"ftp://example.test/crl"))),
    "access_leads_somewhere": Sample(with_access(), "itu.invalid_asn1_syntax"),
    "access_uris_are_absolute": Sample(with_access(sequence(oid(oids.CA_ISSUERS), element(0x86, b"ca.crt")))),
    "ocsp_responders_have_a_uri": Sample(with_access(sequence(oid(oids.OCSP), element(0x82, b"ocsp.example.test")))),
    "nothing_needs_tls": Sample(with_points(point(b"http://example.test/crl"), point(b"https://example.test/crl"))),
    "policies_are_distinct": Sample(
        with_policies(policy(SOME_POLICY), policy(SOME_POLICY)), "pkix.duplicate_certificate_policy_oids"
    ),
    "any_policy_has_plain_qualifiers": Sample(
        with_policies(policy(oids.ANY_POLICY, sequence(oid(UNKNOWN), NULL))),
        "pkix.certificate_policies_anypolicy_has_prohibited_qualifier",
    ),
    "practice_statements_have_a_uri": Sample(
        with_policies(policy(SOME_POLICY, sequence(oid(oids.CPS), element(IA5, b"cps"))))
    ),
    "notices_are_utf_8": Sample(
        with_policies(notice(0x1A, b"text")), "pkix.rfc5280_certificate_policies_invalid_explicit_text_encoding"
    ),
    "notices_are_plain_text": Sample(with_policies(notice(0x0C, b"two\nlines"))),
}

FURTHER: tuple[tuple[str, Sample], ...] = (
    ("times_are_plain", Sample(leaf(validity=validity((UTC, b"261303120000Z"))), "pkix.invalid_time_syntax")),
    (
        "times_are_plain",
        Sample(
            leaf(validity=validity(end=(GENERALIZED, b"20510503120000.5Z"))), "pkix.generalizedtime_incorrect_syntax"
        ),
    ),
    ("unique_identifiers_are_absent", Sample(leaf(unique=element(0x82, b"\0\1")), "pkix.subject_unique_id_present")),
    (
        "only_authorities_sign_certificates",
        Sample(authority({oids.KEY_USAGE: (True, SIGNS)}), "pkix.ca_certificate_keycertsign_keyusage_not_set"),
    ),
    (
        "authority_key_identifier_names_both_or_none",
        Sample(
            leaf(
                {
                    oids.AUTHORITY_KEY_IDENTIFIER: (
                        False,
                        sequence(element(0x80, bytes(20)), element(0xA1, element(0xA4, ISSUER_NAME))),
                    )
                }
            ),
            "pkix.aki_with_cert_issuer_but_serial_number_absent",
        ),
    ),
    ("subtrees_are_well_formed", Sample(permitted(0x87, bytes(5)), "pkix.ip_address_name_constraint_wrong_length")),
    (
        "subtrees_have_no_distances",
        Sample(permitted(0x82, b"example.test", element(0x80, b"\x01")), "pkix.name_constraints_non_default_minimum"),
    ),
    ("dns_names_are_host_names", Sample(with_names((0x82, LONG_HOST)), "pkix.dnsname_domain_name_too_long")),
    ("dns_names_are_host_names", Sample(with_names((0x82, b"a_b.example.test")))),
    ("dns_names_are_host_names", Sample(with_names((0x82, b"")))),
    ("dns_names_are_host_names", Sample(with_names((0x82, b"www.example\0.test")))),
    (
        "email_addresses_are_mailboxes",
        Sample(with_names((0x81, b"a@" + LONG_HOST)), "pkix.rfc822name_domain_part_too_long"),
    ),
    (
        "uris_are_absolute",
        Sample(with_names((0x86, b"http://" + LONG_HOST)), "pkix.uri_domain_name_too_long"),
    ),
    (
        "notices_are_utf_8",
        Sample(with_policies(notice(IA5, b"text")), "pkix.rfc6818_certificate_policies_invalid_explicit_text_encoding"),
    ),
    (
        "critical_extensions_are_known",
        Sample(leaf({oids.oid("1.2.840.113549.1.9.15"): (True, EMPTY)}), "pkix.smime_capabilities_extension_critical"),
    ),
    (
        "extensions_can_be_read",
        Sample(leaf({oids.KEY_USAGE: (True, element(BIT_STRING, bytes((0, 0b10000000))))}), "itu.invalid_asn1_syntax"),
    ),
)
"""More ways of breaking some of the rules: those that pkilint tells apart."""
