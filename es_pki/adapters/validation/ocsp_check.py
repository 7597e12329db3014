"""What OCSP responses say of a certificate: RFC 6960 section 3.2."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus, OCSPSingleResponse
from msgspec.structs import replace

from es_pki.adapters.validation import policies
from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl_check import known_from_crls
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import broken
from es_pki.adapters.validation.known import Known, Status
from es_pki.adapters.validation.link import is_signed
from es_pki.adapters.validation.ocsp import ANSWER, Answer, ParsedResponse, may_answer
from es_pki.adapters.validation.question import Policies, Purpose, RevocationMode
from es_pki.adapters.validation.signatures import cost
from es_pki.adapters.validation.walk import State, step


def known_from_responses(certificate: Parsed, state: State, inquiry: Inquiry) -> Known:
    """Return what OCSP responses say of a certificate that `state` is above; of several, a revocation wins."""
    is_good, why = False, []
    for response in inquiry.evidence.responses:
        for single in response.answers(certificate, state.issuer):
            fault = _fault(response, single, state, inquiry)
            if fault is not None:
                why.append(fault)
                continue
            match single.certificate_status:
                case OCSPCertStatus.REVOKED:
                    return Known(Status.REVOKED, (_told(single),))
                case OCSPCertStatus.GOOD:
                    is_good = True
                case OCSPCertStatus.UNKNOWN:
                    why.append("the OCSP responder doesn't know it")
    return Known(Status.GOOD) if is_good else Known(Status.UNKNOWN, tuple(why))


def _fault(response: ParsedResponse, single: OCSPSingleResponse, state: State, inquiry: Inquiry) -> str | None:
    """Return why a response says nothing, None when it may be believed."""
    for _, message in broken(ANSWER, Answer(response, single, inquiry.question)):
        return message
    issuer = state.issuer
    key = state.key if response.may_be_by(issuer) else None
    if key is not None and cost(key) and is_signed(response.signature, key, issuer, inquiry.budget):
        return None
    reason = "the OCSP response is signed neither by the issuer nor by whom it names"
    for delegate in response.certificates:
        if not response.may_be_by(delegate):
            continue
        fault = next(_faults_of_delegate(response, delegate, state, inquiry), None)
        if fault is None:
            return None
        reason = fault
    return reason


def _faults_of_delegate(response: ParsedResponse, delegate: Parsed, state: State, inquiry: Inquiry) -> Iterator[str]:
    """Yield why somebody may not answer in the issuer's place: RFC 6960 section 4.2.2.2."""
    key = delegate.public_key
    if not may_answer(delegate):
        yield "the OCSP responder's certificate is not for OCSP signing"
    if key is None or not cost(key) or not is_signed(response.signature, key, delegate, inquiry.budget):
        yield "the OCSP response is not signed by the responder's key"
    question = replace(
        inquiry.question, purpose=Purpose.OCSP_SIGNING, host=None, ip=None, mailbox=None, policies=Policies()
    )
    above = replace(state, policies=policies.initial(Policies()))
    for rule, message in step(above, delegate, question, inquiry.budget, is_last=True).broken:
        if rule.severity.is_error:
            yield f"the OCSP responder's certificate: {message}"
    yield from _revocation_of_delegate(delegate, state, inquiry)


def _revocation_of_delegate(delegate: Parsed, state: State, inquiry: Inquiry) -> Iterator[str]:
    """Yield that a responder was revoked, or may have been: RFC 6960 section 4.2.2.2.1."""
    if delegate.extension(x509.OCSPNoCheck) is not None:
        return
    status = known_from_crls(delegate, state, inquiry).status
    if status is Status.REVOKED:
        yield "the OCSP responder's certificate is revoked"
    if status is Status.UNKNOWN and inquiry.question.revocation is RevocationMode.HARD:
        yield "whether the OCSP responder's certificate is revoked is not known"


def _told(single: OCSPSingleResponse) -> str:
    at, reason = single.revocation_time_utc, single.revocation_reason
    when = f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "a time that is not told"
    if reason is x509.ReasonFlags.certificate_hold:
        return f"on hold since {when}"
    return f"since {when}, for {reason.value if reason is not None else 'a reason that is not told'}"
