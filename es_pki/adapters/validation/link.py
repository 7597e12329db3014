"""Rules of one certificate under its issuer: each a small function, each with its section.

They look at a `Link`: the certificate, its issuer, and what came from above. `CHEAP` come before the signature.
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from msgspec import Struct

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import advice, rules
from es_pki.adapters.validation.name_constraints import Constraints
from es_pki.adapters.validation.policies import PolicyState
from es_pki.adapters.validation.question import ANY_POLICY, AlgorithmPolicy, Purpose, Question
from es_pki.adapters.validation.signatures import Signature, cost, holds
from es_pki.adapters.x509.weak_keys import SMALLEST_RSA

PROCESSED = frozenset(
    oid.dotted_string
    for oid in (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.FRESHEST_CRL,
        ExtensionOID.OCSP_NO_CHECK,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.ISSUER_ALTERNATIVE_NAME,
    )
)
"""The extensions that are processed, or that ask for nothing: a critical one of another kind ends a path."""

USAGE_OIDS: dict[Purpose, x509.ObjectIdentifier] = {
    Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
    Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH,
    Purpose.EMAIL: ExtendedKeyUsageOID.EMAIL_PROTECTION,
    Purpose.CODE_SIGNING: ExtendedKeyUsageOID.CODE_SIGNING,
    Purpose.OCSP_SIGNING: ExtendedKeyUsageOID.OCSP_SIGNING,
}


class Link(Struct):
    """A certificate of a path under its issuer, with what came from above.

    `working_key` is the issuer's key, None when it can't be read. `constraints` are those of all certificates above;
    `may_follow` is how many CA certificates may still come (RFC 5280 section 6.1.2 (k), max_path_length).
    """

    certificate: Parsed
    issuer: Parsed
    working_key: PublicKeyTypes | None
    constraints: tuple[Constraints, ...]
    policies: PolicyState
    may_follow: int
    is_last: bool
    question: Question
    budget: Budget

    @property
    def public_key(self) -> PublicKeyTypes | None:
        """Return the certificate's key; a DSA key may have its parameters from the issuer's (section 6.1.4 (f))."""
        inheriting = self.certificate.inheriting_key
        return self.certificate.public_key if inheriting is None else inheriting.under(self.working_key)


# Every certificate


def certificate_is_readable(link: Link) -> str | None:
    """RFC 5280 section 4.2: every extension can be read, and none occurs twice.

    Have the certificate issued again by software that writes well-formed extensions.
    """
    return link.certificate.fault


def version_fits_extensions(link: Link) -> str | None:
    """RFC 5280 section 4.1.2.1: a certificate with extensions is of version 3.

    Have the certificate issued again.
    """
    certificate = link.certificate
    has_some = bool(certificate.present)
    return "it has extensions but is no version 3" if has_some and not certificate.is_version_3 else None


def algorithms_agree(link: Link) -> str | None:
    """RFC 5280 section 4.1.1.2: the algorithm beside the signature is the one that was signed.

    Somebody changed the certificate, or its software is wrong: have it issued again.
    """
    return None if link.certificate.algorithms_agree else "the signature's algorithm isn't the signed one"


def names_chain(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (a)(4): the issuer's name is the subject of the certificate above.

    Send the certificate of the authority that issued this one.
    """
    return None if link.certificate.issuer == link.issuer.subject else "its issuer is called otherwise"


def validity_has_begun(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (a)(2): the certificate is valid already at the asked time.

    Wait, or set the clock of whoever asks.
    """
    begins = link.certificate.not_before
    return f"it is valid from {begins:%Y-%m-%d %H:%M:%S} UTC on" if link.question.time < begins else None


def validity_has_not_ended(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (a)(2): the certificate is still valid at the asked time.

    Renew the certificate and deploy the new one.
    """
    ends = link.certificate.not_after
    return f"it expired at {ends:%Y-%m-%d %H:%M:%S} UTC" if link.question.time > ends else None


def critical_extensions_are_known(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (o) and 6.1.5 (f): every critical extension is one that is processed here.

    Have the certificate issued without the extension, or with it not critical.
    """
    unknown = link.certificate.critical - PROCESSED
    return f"critical extensions that nobody here knows: {', '.join(sorted(unknown)[:5])}" if unknown else None


def key_is_readable(link: Link) -> str | None:
    """RFC 5280 section 4.1.2.7: the public key is one of a known algorithm, with numbers that a key can have.

    Have the certificate issued for a key of a usual kind.
    """
    return None if link.public_key is not None else "the public key can't be read"


def key_is_strong(link: Link) -> str | None:
    """NIST SP 800-57 part 1 table 2: the public key protects something, as the trust store demands.

    Make a new key and have it certified.
    """
    key = link.public_key
    return None if key is None else weakness_of(link.certificate, key, link.question.algorithms)


def signature_is_strong(link: Link) -> str | None:
    """RFC 6194 and RFC 6151: the hash under the signature is none that the trust store refuses.

    Have the certificate issued again with SHA-256 or better.
    """
    name = link.certificate.signature.hash_name
    return f"signed with {name}" if name in link.question.algorithms.refused_hashes else None


def signature_is_the_issuers(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (a)(1): the signature holds with the issuer's key.

    Send the right certificate of the issuer: one of the same name may have another key.
    """
    key = link.working_key
    if key is None:
        return "the issuer's key can't be read"
    if cost(key) == 0:
        return "the issuer's key is too large to check a signature by it"
    is_genuine = is_signed(link.certificate.signature, key, link.issuer, link.budget)
    return None if is_genuine else "it was not signed by the issuer's key"


def names_are_within_constraints(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (b) and (c): each name is permitted, and none excluded, by every authority above.

    Ask an authority that may issue for these names, or leave the names out.
    """
    if not link.constraints or (link.certificate.is_self_issued and not link.is_last):
        return None
    certificate = link.certificate
    for constraints in link.constraints:
        reason = constraints.refuses(certificate.subject, certificate.alt_names, link.budget)
        if reason is not None:
            return reason
    return None


def policy_is_valid(link: Link) -> str | None:
    """RFC 5280 section 6.1.3 (f): a policy is valid down to here, where one is required.

    Ask for other policies, or have the certificates issued under one common policy.
    """
    policies = link.policies
    return (
        None if policies.explicit > 0 or policies.graph is not None else "no certificate policy is valid down to here"
    )


# Certificates of authorities


def issuer_is_of_version_3(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (k): the certificate of an authority is of version 3.

    Trust the certificate itself, or have the authority certified anew.
    """
    return None if link.certificate.is_version_3 else "an authority's certificate of an old version"


def issuer_is_an_authority(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (k): the basic constraints say that the subject is a CA.

    Have the certificate issued by a CA: this one was not allowed to.
    """
    return None if link.certificate.is_authority else "its subject is no CA, and yet issued the next certificate"


def path_is_short_enough(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (l) and (m): no more CA certificates follow than those above allow.

    Have the certificate issued higher up, or the path length constraint widened.
    """
    is_counted = not link.certificate.is_self_issued
    return "more CA certificates follow than a path length allows" if is_counted and link.may_follow <= 0 else None


def key_may_sign_certificates(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (n): the key usage, where there is one, has keyCertSign.

    Have the authority certified with the key usages keyCertSign and cRLSign.
    """
    usage = link.certificate.key_usage
    return None if usage is None or usage.key_cert_sign else "its key may not sign certificates"


def any_policy_is_not_mapped(link: Link) -> str | None:
    """RFC 5280 section 6.1.4 (a): anyPolicy is neither mapped nor mapped to.

    Have the authority certified without that mapping.
    """
    mappings = link.certificate.policy_mappings
    is_mapped = ANY_POLICY in mappings or any(ANY_POLICY in subjects for subjects in mappings.values())
    return "it maps anyPolicy" if is_mapped else None


def authority_serves_purpose(link: Link) -> str | None:
    """RFC 5280 section 4.2.1.12: an authority whose extended key usages are named issues for these only.

    Ask an authority for this purpose, or have this one certified for it.
    """
    return usage_fault(link.certificate, link.question.purpose)


# Advice


def serial_number_is_positive(link: Link) -> str | None:
    """RFC 5280 section 4.1.2.2: a serial number is positive and has at most 20 octets.

    Have the certificate issued again before its software is used by readers who refuse it.
    """
    number = link.certificate.serial_number
    return None if 0 < number < 1 << 159 else "its serial number is not positive, or longer than 20 octets"


def is_signed(signature: Signature, key: PublicKeyTypes, signer: Parsed, budget: Budget) -> bool:
    """Tell whether a signature is by a key that stands in the signer's certificate, asking about each key once."""
    if signer.inheriting_key is not None:  # its key depends on the path
        budget.spend_signatures(cost(key))
        return holds(key, signer.key_algorithm, signature)
    pair = (signature.value, signature.data, signer.public_key_info)
    if pair not in budget.checked:
        budget.spend_signatures(cost(key))
        budget.checked[pair] = holds(key, signer.key_algorithm, signature)
    return budget.checked[pair]


def usage_fault(certificate: Parsed, purpose: Purpose) -> str | None:
    """Return that the extended key usages lack a purpose, None when they have it or there are none."""
    wanted = USAGE_OIDS.get(purpose)
    found = certificate.extension(x509.ExtendedKeyUsage)
    if wanted is None or found is None or wanted in found:
        return None
    if purpose is not Purpose.OCSP_SIGNING and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found:
        return None
    return f"its extended key usages don't include {purpose}"


def weakness_of(certificate: Parsed, key: PublicKeyTypes, policy: AlgorithmPolicy) -> str | None:
    """Return why a certificate's key protects nothing, None when it does."""
    match key:
        case rsa.RSAPublicKey() if key.key_size < policy.smallest_rsa:
            return f"an RSA key of {key.key_size} bits"
        case rsa.RSAPublicKey():
            return certificate.known_weakness if key.key_size >= SMALLEST_RSA else None
        case dsa.DSAPublicKey():
            return None if policy.takes_dsa else "a DSA key: nobody should use them any more (FIPS 186-5)"
        case ec.EllipticCurvePublicKey() if key.key_size < policy.smallest_field:
            return f"a curve of {key.key_size} bits"
        case _:
            return None


CHEAP = rules(
    certificate_is_readable,
    version_fits_extensions,
    algorithms_agree,
    names_chain,
    validity_has_begun,
    validity_has_not_ended,
    critical_extensions_are_known,
    key_is_readable,
    key_is_strong,
    signature_is_strong,
    names_are_within_constraints,
    policy_is_valid,
)
SIGNATURE = rules(signature_is_the_issuers)
AUTHORITY = rules(
    issuer_is_of_version_3,
    issuer_is_an_authority,
    path_is_short_enough,
    key_may_sign_certificates,
    any_policy_is_not_mapped,
    authority_serves_purpose,
)
ADVICE = advice(serial_number_is_positive)
