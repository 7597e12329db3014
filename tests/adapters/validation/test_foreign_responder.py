"""`openssl ocsp` as somebody else's responder answers about several certificates at once: we take what is ours."""

import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from es_pki.adapters.fetching import Fetcher
from es_pki.adapters.gathering import gathered
from es_pki.adapters.ocsp.request import read_request
from es_pki.adapters.ocsp.response import Good, Revoked, Signing, Single, response_data, successful
from es_pki.adapters.validation import ParsedResponse, RevocationMode, validate
from es_pki.adapters.validation.work import Anchor, Case
from es_pki.adapters.worker import Workers
from es_pki.adapters.x509.formats import pem
from es_pki.values import CRLReason, KeyType
from tests.adapters.validation.chains import SHA256, asked, authority, made, server, trust

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
LASTING = {"begins": NOW - DAY, "ends": NOW + 90 * DAY}
ROOT = authority("issuer of a foreign responder", **LASTING)
OCSP_SIGNING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
DELEGATE = made("foreign responder", ROOT, OCSP_SIGNING, (x509.OCSPNoCheck(), False), **LASTING)
GOOD, REVOKED, HELD, MISSING = 0x1001, 0x1002, 0x1003, 0x1004
KNOWN = {
    GOOD: "V\t{end}\t\t{serial:04X}\tunknown\t/CN=www",
    REVOKED: "R\t{end}\t{at},keyCompromise\t{serial:04X}\tunknown\t/CN=www",
    HELD: "R\t{end}\t{at},certificateHold\t{serial:04X}\tunknown\t/CN=www",
}
"""What stands in the index of the responder: what it hasn't heard of is unknown to it."""


class Foreign:
    """openssl's responder, in a folder: `index` is what it knows, one line for each certificate."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "ca.pem").write_text(pem(ROOT.der))
        (folder / "responder.pem").write_text(pem(DELEGATE.der))
        key = DELEGATE.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "responder.key").write_bytes(key)
        self.knows(KNOWN)

    def knows(self, lines):
        times = {"end": f"{NOW + 90 * DAY:%y%m%d%H%M%S}Z", "at": f"{NOW - DAY / 2:%y%m%d%H%M%S}Z"}
        text = "".join(line.format(serial=serial, **times) + "\n" for serial, line in lines.items())
        (self.folder / "index.txt").write_text(text)

    @property
    def options(self):
        """Who it is, and what it knows."""
        files = {"-index": "index.txt", "-CA": "ca.pem", "-rsigner": "responder.pem", "-rkey": "responder.key"}
        return [part for option, name in files.items() for part in (option, str(self.folder / name))]

    def answer(self, *questions, days=1):
        """Return a response to one request about several certificates, in DER; a question is a list of options."""
        request, response = str(self.folder / "request.der"), str(self.folder / "response.der")
        about = [part for question in questions for part in question]
        issuer = ["-issuer", str(self.folder / "ca.pem")]
        self._run(*issuer, *about, "-no_nonce", "-reqout", request)
        self._run(*self.options, "-reqin", request, "-ndays", str(days), "-respout", response)
        return (self.folder / "response.der").read_bytes()

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", "ocsp", *arguments], check=True, capture_output=True)

    @contextmanager
    def listening(self):
        """Answer over HTTP, while the context lasts, at the port that it yields."""
        command = ["openssl", "ocsp", *self.options, "-port", "0", "-ndays", "1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            accepts = process.stdout.readline()  # ACCEPT [::]:PORT PID=…
            yield int(accepts.split()[1].rpartition(":")[2])
        finally:
            process.kill()
            process.communicate()


def serials(*numbers):
    return [["-serial", str(number)] for number in numbers]


@pytest.fixture
def foreign(tmp_path):
    return Foreign(tmp_path)


def leaf(serial_number, *extensions):
    return server(ROOT, *extensions, serial_number=serial_number, **LASTING)


def pointer(port):
    """Say where the responder is."""
    where = x509.UniformResourceIdentifier(f"http://127.0.0.1:{port}")
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)]), False


def judged(serial_number, *responses, time=NOW, revocation=RevocationMode.HARD):
    question = asked(time=time, revocation=revocation)
    return validate(leaf(serial_number).parsed, trust(ROOT, responses=responses), question)


@pytest.mark.parametrize("order", [(GOOD, REVOKED, HELD, MISSING), (MISSING, HELD, REVOKED, GOOD)])
def test_of_one_response_about_several_each_certificate_gets_its_own_answer(foreign, order):
    response = foreign.answer(*serials(*order))
    assert len(ParsedResponse(response).singles) == 4
    assert judged(GOOD, response).findings == ()
    for serial_number, why in ((REVOKED, "for keyCompromise"), (HELD, "on hold since")):
        verdict = judged(serial_number, response)
        assert verdict.rules == {"certificate-is-not-revoked"}
        assert why in verdict.findings[0].message
    missing = judged(MISSING, response)
    assert missing.rules == {"revocation-is-known"}
    assert "responder-knows-the-certificate" in {finding.rule for finding in missing.findings}


def test_what_a_response_says_of_others_says_nothing_of_ours(foreign):
    response = foreign.answer(*serials(REVOKED, HELD, GOOD))
    verdict = judged(0x1005, response)
    assert [finding.rule for finding in verdict.findings] == ["revocation-is-known"]
    assert judged(0x1005, response, revocation=RevocationMode.SOFT).is_valid


def test_the_same_certificate_asked_about_by_two_hashes_is_answered_about_twice(foreign):
    for serial_number, is_valid in ((GOOD, True), (REVOKED, False)):
        response = foreign.answer(["-sha1"], *serials(serial_number), ["-sha256"], *serials(serial_number))
        names = {single.hash_algorithm.name for single in ParsedResponse(response).singles}
        assert names == {"sha1", "sha256"}
        assert judged(serial_number, response).is_valid == is_valid


def test_of_two_responses_the_one_that_says_revoked_wins_whichever_comes_first(foreign):
    before = foreign.answer(*serials(GOOD, HELD))
    foreign.knows({**KNOWN, GOOD: KNOWN[REVOKED]})
    after = foreign.answer(*serials(HELD, GOOD))
    for responses in ((before, after), (after, before)):
        assert judged(GOOD, *responses).rules == {"certificate-is-not-revoked"}


def test_a_stale_response_says_nothing_whatever_it_says(foreign):
    old = foreign.answer(*serials(GOOD, REVOKED))
    later = NOW + 3 * DAY
    for serial_number in (GOOD, REVOKED):
        verdict = judged(serial_number, old, time=later)
        assert verdict.rules == {"revocation-is-known"}
        assert "response-is-current" in {finding.rule for finding in verdict.findings}
    lasting = foreign.answer(*serials(GOOD, REVOKED), days=30)
    assert judged(GOOD, old, lasting, time=later).findings == ()
    assert judged(REVOKED, old, lasting, time=later).rules == {"certificate-is-not-revoked"}


def test_a_stale_good_does_not_outweigh_a_revocation_that_holds(foreign):
    old = foreign.answer(*serials(GOOD))
    foreign.knows({**KNOWN, GOOD: KNOWN[REVOKED]})
    new = foreign.answer(*serials(REVOKED, GOOD), days=30)
    assert judged(GOOD, old, new, time=NOW + 3 * DAY).rules == {"certificate-is-not-revoked"}


@pytest.mark.parametrize("is_revoked_first", [True, False])
def test_within_one_response_revoked_wins_too(foreign, is_revoked_first):
    """openssl never contradicts itself within a response: this one is put together about what its request names."""
    foreign.answer(*serials(GOOD))
    about = read_request((foreign.folder / "request.der").read_bytes()).about[0].der
    singles = [Single(about, Good()), Single(about, Revoked(NOW - DAY, CRLReason.SUPERSEDED))]
    signing = Signing.of(KeyType.EC_P256, DELEGATE.der)
    ordered = tuple(reversed(singles)) if is_revoked_first else tuple(singles)
    data = response_data(signing.key_hash, ordered, this_update=NOW - DAY, next_update=NOW + DAY)
    response = successful(data, DELEGATE.key.sign(data, ec.ECDSA(SHA256)), signing)
    assert judged(GOOD, response).rules == {"certificate-is-not-revoked"}


@pytest.mark.parametrize(("serial_number", "rules"), [(GOOD, set()), (REVOKED, {"certificate-is-not-revoked"})])
async def test_it_is_asked_over_http_where_the_certificate_names_it(foreign, serial_number, rules):
    workers, fetcher = Workers(1), Fetcher([ip_network("127.0.0.0/8")])
    try:
        with foreign.listening() as port:
            case = Case(
                certificates=(leaf(serial_number, pointer(port)).der,),
                anchors=(Anchor(ROOT.der),),
                time=datetime.now(UTC),
                revocation=RevocationMode.HARD,
            )
            found = await gathered(case, workers, fetcher)
    finally:
        await fetcher.close()
        await workers.close()
    assert [asked.failure for asked in found.asked] == [""]
    assert {finding.rule for finding in found.validation.findings if finding.severity == "error"} == rules
