"""What OCSP responses say of a certificate: RFC 6960 section 3.2."""

from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus, OCSPSingleResponse
from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.validation import policies
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl_check import LOOK, known_from_crls
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import Rule, Severity, advice, broken
from es_pki.adapters.validation.known import Known, Reason, Status
from es_pki.adapters.validation.link import is_signed
from es_pki.adapters.validation.ocsp import ANSWER, Answer, ParsedResponse, may_answer
from es_pki.adapters.validation.question import Policies, Purpose, RevocationMode
from es_pki.adapters.validation.signatures import cost
from es_pki.adapters.validation.walk import State, step


def known_from_responses(certificate: Parsed, state: State, inquiry: Inquiry) -> Known:
    """Return what OCSP responses say of a certificate that `state` is above; of several, a revocation wins."""
    is_good = False
    unused: list[Reason] = []
    for response in inquiry.evidence.responses:
        inquiry.budget.spend_comparisons(LOOK + len(response.singles))
        for single in response.answers(certificate, state.issuer):
            reason = _unusable(response, single, state, inquiry)
            if reason is not None:
                unused.append(reason)
                continue
            match single.certificate_status:
                case OCSPCertStatus.REVOKED:
                    return Known(Status.REVOKED, _told(single))
                case OCSPCertStatus.GOOD:
                    is_good = True
                case OCSPCertStatus.UNKNOWN:
                    unused.append((KNOWS, "the OCSP responder doesn't know the certificate"))
    return Known(Status.GOOD) if is_good else Known(Status.UNKNOWN, unused=tuple(dict.fromkeys(unused)))


class Responder(Struct, frozen=True):
    """Who may have signed an OCSP response in the place of the issuer, which `state` is of."""

    certificate: Parsed
    response: ParsedResponse
    state: State
    inquiry: Inquiry


def responder_knows_the_certificate(_known: Known) -> str | None:
    """RFC 6960 section 2.2: a responder that says unknown says nothing.

    Ask the responder that the certificate names.
    """
    return None


def responder_may_answer(responder: Responder) -> str | None:
    """RFC 6960 section 4.2.2.2: a responder other than the issuer is certified for OCSP signing, by that very name.

    Have the responder certified with the extended key usage OCSPSigning.
    """
    return None if may_answer(responder.certificate) else "the OCSP responder's certificate is not for OCSP signing"


def response_signature_is_the_responders(responder: Responder) -> str | None:
    """RFC 6960 section 3.2 (2) and (3): the response is signed by the responder that it names.

    Ask again: somebody changed the response.
    """
    key, inquiry = responder.certificate.public_key, responder.inquiry
    signature = responder.response.signature
    is_genuine = key is not None and cost(key) and is_signed(signature, key, responder.certificate, inquiry.budget)
    return None if is_genuine else "the OCSP response is not signed by the responder that it names"


def responder_is_certified_by_the_issuer(responder: Responder) -> str | None:
    """RFC 6960 section 4.2.2.2: the certificate of a responder is valid, and by the issuer that it answers for.

    Have the responder certified by the issuer itself, and in time.
    """
    nobody = Policies()
    question = replace(
        responder.inquiry.question, purpose=Purpose.OCSP_SIGNING, host=None, ip=None, mailbox=None, policies=nobody
    )
    above = replace(responder.state, policies=policies.initial(nobody))
    taken = step(above, responder.certificate, question, responder.inquiry.budget, is_last=True)
    wrong = next((message for rule, message in taken.broken if rule.severity.is_error), None)
    return None if wrong is None else f"the OCSP responder's certificate: {wrong}"


def responder_is_not_revoked(responder: Responder) -> str | None:
    """RFC 6960 section 4.2.2.2.1: a responder is not revoked, which CRLs tell unless its certificate says nocheck.

    Send a CRL of the issuer, or have the responder certified with nocheck for a short time.
    """
    if responder.certificate.extension(x509.OCSPNoCheck) is not None:
        return None
    status = known_from_crls(responder.certificate, responder.state, responder.inquiry).status
    if status is Status.UNKNOWN and responder.inquiry.question.revocation is RevocationMode.HARD:
        return "whether the OCSP responder's certificate is revoked is not known"
    return "the OCSP responder's certificate is revoked" if status is Status.REVOKED else None


def _unusable(response: ParsedResponse, single: OCSPSingleResponse, state: State, inquiry: Inquiry) -> Reason | None:
    """Return why a response says nothing, None when it may be believed."""
    reason: Reason | None
    for reason in broken(ANSWER, Answer(response, single, inquiry.question)):
        return reason
    key = state.key if response.may_be_by(state.issuer) else None
    if key is not None and cost(key) and is_signed(response.signature, key, state.issuer, inquiry.budget):
        return None
    found: Reason = (RESPONDER[1], "the OCSP response is signed neither by the issuer nor by whom it brings along")
    for delegate in response.certificates:
        if response.may_be_by(delegate):
            reason = next(broken(RESPONDER, Responder(delegate, response, state, inquiry)), None)
            if reason is None:
                return None
            found = reason
    return found


def _told(single: OCSPSingleResponse) -> str:
    at, reason = single.revocation_time_utc, single.revocation_reason
    when = f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "a time that is not told"
    if reason is x509.ReasonFlags.certificate_hold:
        return f"on hold since {when}"
    return f"since {when}, for {reason.value if reason is not None else 'a reason that is not told'}"


KNOWS = Rule(responder_knows_the_certificate, Severity.WARNING)
RESPONDER = advice(
    responder_may_answer,
    response_signature_is_the_responders,
    responder_is_certified_by_the_issuer,
    responder_is_not_revoked,
)
