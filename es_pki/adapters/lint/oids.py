"""Object identifiers as they lie in a certificate: the content octets, which are compared as they are."""

from es_pki.adapters.x509.der import object_identifier


def oid(dotted: str) -> bytes:
    """Return the content octets of an object identifier."""
    return object_identifier(dotted)[2:]


def dotted(octets: bytes) -> str:
    """Return an object identifier as people write it."""
    arcs, number = [], 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(number)
            number = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:]))) if arcs else ""


SUBJECT_DIRECTORY_ATTRIBUTES = oid("2.5.29.9")
SUBJECT_KEY_IDENTIFIER = oid("2.5.29.14")
KEY_USAGE = oid("2.5.29.15")
SUBJECT_ALT_NAME = oid("2.5.29.17")
ISSUER_ALT_NAME = oid("2.5.29.18")
BASIC_CONSTRAINTS = oid("2.5.29.19")
NAME_CONSTRAINTS = oid("2.5.29.30")
CRL_DISTRIBUTION_POINTS = oid("2.5.29.31")
CERTIFICATE_POLICIES = oid("2.5.29.32")
POLICY_MAPPINGS = oid("2.5.29.33")
AUTHORITY_KEY_IDENTIFIER = oid("2.5.29.35")
POLICY_CONSTRAINTS = oid("2.5.29.36")
EXTENDED_KEY_USAGE = oid("2.5.29.37")
FRESHEST_CRL = oid("2.5.29.46")
INHIBIT_ANY_POLICY = oid("2.5.29.54")
AUTHORITY_INFO_ACCESS = oid("1.3.6.1.5.5.7.1.1")
SUBJECT_INFO_ACCESS = oid("1.3.6.1.5.5.7.1.11")
PRECERTIFICATE_POISON = oid("1.3.6.1.4.1.11129.2.4.3")

KNOWN_IF_CRITICAL = frozenset(
    {
        KEY_USAGE,
        SUBJECT_ALT_NAME,
        ISSUER_ALT_NAME,
        BASIC_CONSTRAINTS,
        NAME_CONSTRAINTS,
        CRL_DISTRIBUTION_POINTS,
        CERTIFICATE_POLICIES,
        POLICY_MAPPINGS,
        POLICY_CONSTRAINTS,
        EXTENDED_KEY_USAGE,
        INHIBIT_ANY_POLICY,
        PRECERTIFICATE_POISON,
    }
)
"""Extensions that verifiers process, so that they may be critical."""

OCSP = oid("1.3.6.1.5.5.7.48.1")
CA_ISSUERS = oid("1.3.6.1.5.5.7.48.2")
ANY_POLICY = oid("2.5.29.32.0")
CPS = oid("1.3.6.1.5.5.7.2.1")
USER_NOTICE = oid("1.3.6.1.5.5.7.2.2")

ANY_PURPOSE = oid("2.5.29.37.0")
SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1")
CLIENT_AUTH = oid("1.3.6.1.5.5.7.3.2")
CODE_SIGNING = oid("1.3.6.1.5.5.7.3.3")
EMAIL_PROTECTION = oid("1.3.6.1.5.5.7.3.4")
TIME_STAMPING = oid("1.3.6.1.5.5.7.3.8")
OCSP_SIGNING = oid("1.3.6.1.5.5.7.3.9")

COMMON_NAME = oid("2.5.4.3")
SURNAME = oid("2.5.4.4")
SERIAL_NUMBER = oid("2.5.4.5")
COUNTRY = oid("2.5.4.6")
LOCALITY = oid("2.5.4.7")
STATE_OR_PROVINCE = oid("2.5.4.8")
STREET_ADDRESS = oid("2.5.4.9")
ORGANIZATION = oid("2.5.4.10")
ORGANIZATIONAL_UNIT = oid("2.5.4.11")
TITLE = oid("2.5.4.12")
POSTAL_CODE = oid("2.5.4.17")
NAME = oid("2.5.4.41")
GIVEN_NAME = oid("2.5.4.42")
INITIALS = oid("2.5.4.43")
GENERATION_QUALIFIER = oid("2.5.4.44")
DN_QUALIFIER = oid("2.5.4.46")
PSEUDONYM = oid("2.5.4.65")
USER_ID = oid("0.9.2342.19200300.100.1.1")
DOMAIN_COMPONENT = oid("0.9.2342.19200300.100.1.25")
EMAIL_ADDRESS = oid("1.2.840.113549.1.9.1")

KERBEROS_PRINCIPAL_NAME = oid("1.3.6.1.5.2.2")
USER_PRINCIPAL_NAME = oid("1.3.6.1.4.1.311.20.2.3")

RSA = oid("1.2.840.113549.1.1.1")
EC = oid("1.2.840.10045.2.1")
ED25519 = oid("1.3.101.112")
ED448 = oid("1.3.101.113")
ML_DSA = tuple(oid(f"2.16.840.1.101.3.4.3.{number}") for number in (17, 18, 19))

SHA256_WITH_RSA = oid("1.2.840.113549.1.1.11")
SHA384_WITH_RSA = oid("1.2.840.113549.1.1.12")
SHA512_WITH_RSA = oid("1.2.840.113549.1.1.13")
RSA_PSS = oid("1.2.840.113549.1.1.10")
ECDSA_WITH_SHA256 = oid("1.2.840.10045.4.3.2")
ECDSA_WITH_SHA384 = oid("1.2.840.10045.4.3.3")
ECDSA_WITH_SHA512 = oid("1.2.840.10045.4.3.4")

P256 = oid("1.2.840.10045.3.1.7")
P384 = oid("1.3.132.0.34")
P521 = oid("1.3.132.0.35")
