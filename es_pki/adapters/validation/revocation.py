"""What is known of a certificate's revocation, from CRLs (RFC 5280 section 6.3) and OCSP responses (RFC 6960).

Evidence that may not be used says nothing, and why it may not is told when nothing else decides. Whoever says that a
certificate is revoked wins over everybody who says that it is good.
"""

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl_check import known_from_crls
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import Rule, Severity, rules
from es_pki.adapters.validation.known import Known, Status
from es_pki.adapters.validation.ocsp_check import known_from_responses
from es_pki.adapters.validation.question import RevocationMode
from es_pki.adapters.validation.walk import State

NO_REVOCATION_AVAILABLE = "2.5.29.56"


def known(certificate: Parsed, state: State, inquiry: Inquiry) -> Known:
    """Return what is known of a certificate that `state` is above.

    Of an end entity that says so itself, nothing is to be known (RFC 9608 section 3).
    """
    if NO_REVOCATION_AVAILABLE in certificate.present and not certificate.is_authority:
        return Known(Status.GOOD)
    found = (known_from_crls(certificate, state, inquiry), known_from_responses(certificate, state, inquiry))
    for status in (Status.REVOKED, Status.GOOD):
        for each in found:
            if each.status is status:
                return each
    unused = tuple(reason for each in found for reason in each.unused)
    return Known(Status.UNKNOWN, next((each.told for each in found if each.told), ""), unused)


def certificate_is_not_revoked(found: Known) -> str | None:
    """RFC 5280 section 6.1.3 (a)(3): nobody who may say so says that the certificate is revoked.

    Renew the certificate, with a new key if the old one was compromised.
    """
    return f"it is revoked, {found.told}" if found.status is Status.REVOKED else None


def revocation_is_known(found: Known) -> str | None:
    """RFC 5280 section 6.1.3 (a)(3): somebody who may say so says that the certificate is not revoked.

    Send the issuer's current CRL, or an OCSP response.
    """
    if found.status is not Status.UNKNOWN:
        return None
    reasons = [found.told] if found.told else [message for _, message in found.unused]
    return f"whether it is revoked is not known: {'; '.join(reasons) or 'there is no CRL and no OCSP response for it'}"


_REVOKED = rules(certificate_is_not_revoked)
REVOCATION: dict[RevocationMode, tuple[Rule[Known], ...]] = {
    RevocationMode.NONE: (),
    RevocationMode.SOFT: (*_REVOKED, Rule(revocation_is_known, Severity.WARNING)),
    RevocationMode.HARD: (*_REVOKED, Rule(revocation_is_known)),
}
"""What must be known in each mode."""
