"""Every rule of OCSP responses: a response that would say good, but breaks this rule, says nothing."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from es_pki.adapters.validation import ParsedResponse, RevocationMode, Unreadable, validate
from es_pki.adapters.validation.every_rule import OF_RESPONSES
from tests.adapters.validation.chains import (
    DAY,
    asked,
    authority,
    crl,
    key_of,
    made,
    response,
    server,
    trust,
    unknown,
    usage,
)
from tests.adapters.validation.test_link_rules import silenced
from tests.builders import NOW

ROOT = authority("root")
LEAF = server(ROOT, serial_number=7)
HARD = asked(revocation=RevocationMode.HARD)
OCSP_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
ANY_USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
NOCHECK = (x509.OCSPNoCheck(), False)


def responder(issuer=ROOT, usages=OCSP_SIGNING, *extensions, **options):
    usual = [] if usages is None else [(usages, False)]
    return made("responder", issuer, *usual, *(extensions or (NOCHECK,)), **options)


def judged(*responses, crls=(), question=HARD, leaf=LEAF, pool=()):
    return validate(leaf.parsed, trust(ROOT, pool=pool, crls=crls, responses=responses), question)


def forged(genuine, forger):
    """A response that names somebody, with his certificate, and is signed by another of his name."""
    return response(LEAF, ROOT, responder=forger, certificates=(genuine,), encoding=ocsp.OCSPResponderEncoding.NAME)


def told(verdict):
    return {finding.rule for finding in verdict.findings}


UNUSED = {
    "response-extensions-are-known": lambda: judged(response(LEAF, ROOT, GOOD, (unknown(), True))),
    "response-answers-the-nonce": lambda: judged(
        response(LEAF, ROOT, GOOD, (x509.OCSPNonce(b"another"), False)),
        question=asked(revocation=RevocationMode.HARD, nonce=b"ours"),
    ),
    "response-has-begun": lambda: judged(response(LEAF, ROOT, begins=NOW + DAY / 2)),
    "response-is-current": lambda: judged(response(LEAF, ROOT, begins=NOW - 2 * DAY, ends=NOW - DAY)),
    "responder-may-answer": lambda: judged(response(LEAF, ROOT, responder=responder(usages=None))),
    "response-signature-is-the-responders": lambda: judged(
        forged(responder(), responder(authority("other root"), key=key_of("somebody")))
    ),
    "responder-is-certified-by-the-issuer": lambda: judged(
        response(LEAF, ROOT, responder=responder(authority("other root")))
    ),
    "responder-is-not-revoked": lambda: judged(
        response(LEAF, ROOT, responder=responder(ROOT, OCSP_SIGNING, (usage("digital_signature"), True)))
    ),
    "responder-knows-the-certificate": lambda: judged(response(LEAF, ROOT, UNKNOWN)),
}
GOOD = ocsp.OCSPCertStatus.GOOD
ELSEWHERE = {"response-signature-is-strong": "`cryptography` signs no response with SHA-1"}


def test_every_rule_of_responses_is_broken_by_a_case():
    assert {rule.name for rule in OF_RESPONSES} == {*UNUSED, *ELSEWHERE}


@pytest.mark.parametrize("rule", UNUSED)
def test_a_response_that_breaks_a_rule_says_nothing(rule):
    verdict = UNUSED[rule]()
    assert verdict.rules == {"revocation-is-known"}
    assert rule in told(verdict)


@pytest.mark.parametrize("rule", [each for each in UNUSED if each != "responder-knows-the-certificate"])
def test_without_the_rule_the_same_response_would_say_good(monkeypatch, rule):
    silenced(monkeypatch, rule, OF_RESPONSES)
    assert UNUSED[rule]().is_valid


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])  # noqa: S303 - RFC 6960
@pytest.mark.parametrize("encoding", ocsp.OCSPResponderEncoding)
def test_a_response_of_the_issuer_says_good_however_it_names_things(algorithm, encoding):
    answer = response(LEAF, ROOT, identified_by=algorithm, encoding=encoding)
    assert judged(answer).findings == ()


def test_a_response_of_a_delegate_says_good():
    assert judged(response(LEAF, ROOT, responder=responder())).findings == ()


def test_a_responder_that_expired_or_has_no_usages_or_another_key_usage_may_not_answer():
    for delegate in (
        responder(begins=NOW - 9 * DAY, ends=NOW - DAY),
        responder(usages=ANY_USAGE),
        responder(ROOT, OCSP_SIGNING, NOCHECK, (usage("key_encipherment"), True)),
        responder(ROOT, OCSP_SIGNING, NOCHECK, (unknown(), True)),
    ):
        assert judged(response(LEAF, ROOT, responder=delegate)).rules == {"revocation-is-known"}


def test_a_responder_without_nocheck_is_looked_up_in_crls():
    delegate = responder(ROOT, OCSP_SIGNING, (usage("digital_signature"), True), serial_number=99)
    answer = response(LEAF, ROOT, responder=delegate)
    scope = x509.IssuingDistributionPoint(
        None, None, False, False, frozenset({x509.ReasonFlags.key_compromise}), False, False
    )
    assert judged(answer, crls=(crl(ROOT),)).is_valid
    assert judged(answer, question=asked(revocation=RevocationMode.SOFT)).findings == ()
    revoked = judged(answer, crls=(crl(ROOT, 99, scope=scope),))
    assert "responder-is-not-revoked" in told(revoked)
    assert not revoked.is_valid


def test_a_response_by_nobody_is_no_answer():
    verdict = judged(forged(ROOT, authority("root", key=key_of("somebody"))))
    assert verdict.rules == {"revocation-is-known"}
    assert judged(response(LEAF, ROOT, responder=responder(), certificates=(ROOT,))).rules == {"revocation-is-known"}


def test_a_response_about_another_certificate_or_issuer_is_no_answer():
    other = server(ROOT, serial_number=8)
    same_name = authority("root", key=key_of("another root"))
    for answer in (
        response(other, ROOT),
        response(server(same_name, serial_number=7), same_name, responder=ROOT, certificates=()),
    ):
        assert told(judged(answer)) == {"revocation-is-known"}


def test_revoked_wins_over_good_from_whichever_source():
    good, revoked = response(LEAF, ROOT), response(LEAF, ROOT, REVOKED, reason=x509.ReasonFlags.key_compromise)
    for verdict in (
        judged(good, revoked),
        judged(revoked, good),
        judged(good, crls=(crl(ROOT, 7),)),
        judged(revoked, crls=(crl(ROOT),)),
    ):
        assert verdict.rules == {"certificate-is-not-revoked"}
    assert "keyCompromise" in judged(revoked).findings[0].message


def test_a_nonce_that_was_sent_and_comes_back_or_is_left_out_is_fine():
    question = asked(revocation=RevocationMode.HARD, nonce=b"ours")
    assert judged(response(LEAF, ROOT, GOOD, (x509.OCSPNonce(b"ours"), False)), question=question).is_valid
    assert judged(response(LEAF, ROOT), question=question).is_valid


def test_a_response_that_names_no_end_is_used_while_it_is_young():
    assert judged(response(LEAF, ROOT, begins=NOW - DAY, ends=None)).is_valid
    assert not judged(response(LEAF, ROOT, begins=NOW - 8 * DAY, ends=None)).is_valid


def test_a_refusal_to_answer_and_rubbish_are_no_responses():
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    for der in (refusal.public_bytes(Encoding.DER), b"", b"\x30\x00", response(LEAF, ROOT)[:-1]):
        with pytest.raises(Unreadable):
            ParsedResponse(der)
