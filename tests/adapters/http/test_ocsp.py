"""OCSP over HTTP: every status, both methods, what caches are told, and nothing that breaks it."""

import base64
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from es_pki.adapters.ocsp.request import LARGEST_REQUEST, MOST_CERTIFICATES
from tests.ocsp import REQUEST, answer, ask, check_delegate, issued, question, question_about, read, status, together
from tests.serving import wait_for

MALFORMED, UNAUTHORIZED = OCSPResponseStatus.MALFORMED_REQUEST, OCSPResponseStatus.UNAUTHORIZED
GOOD, REVOKED, UNKNOWN = OCSPCertStatus.GOOD, OCSPCertStatus.REVOKED, OCSPCertStatus.UNKNOWN


@pytest.fixture(scope="module")
def www(server):
    """A certificate that holds."""
    return issued(server, "ocsp-www")


@pytest.fixture(scope="module")
def revoked(server):
    """A certificate that was revoked."""
    found = issued(server, "ocsp-revoked")
    server.done("RevokeCertificate", certificate="ocsp-revoked", reason="superseded")
    return found


def get(server, asked, authority="intermediate", headers=None, *, safe=""):
    """Send a request by GET."""
    return server.fetch(f"/pki/{authority}/ocsp/{quote(base64.b64encode(asked), safe=safe)}", headers)


@pytest.mark.parametrize("algorithm", [hashes.SHA1, hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512])
def test_what_was_issued_and_not_revoked_is_good_by_whatever_hash_it_is_asked_about(server, www, algorithm):
    reply = ask(server, question(www, algorithm()))
    assert status(reply, www) is GOOD
    assert answer(reply).hash_algorithm.name == algorithm.name


def test_what_was_revoked_is_revoked_with_its_time_and_reason(server, revoked):
    reply = ask(server, question(revoked))
    assert status(reply, revoked) is REVOKED
    assert answer(reply).revocation_reason is x509.ReasonFlags.superseded
    assert datetime.now(UTC) - answer(reply).revocation_time_utc < timedelta(minutes=10)


def test_a_revocation_without_a_reason_gives_none(server):
    about = issued(server, "ocsp-unspecified")
    server.done("RevokeCertificate", certificate="ocsp-unspecified", reason="unspecified")
    reply = ask(server, question(about))
    assert (status(reply, about), answer(reply).revocation_reason) == (REVOKED, None)


def test_a_hold_and_its_release_show_at_once_though_answers_are_kept(server):
    about = issued(server, "ocsp-held")
    asked = question(about)
    assert status(ask(server, asked), about) is GOOD
    server.done("HoldCertificate", certificate="ocsp-held")
    wait_for(lambda: status(ask(server, asked), about) is REVOKED)
    assert answer(ask(server, asked)).revocation_reason is x509.ReasonFlags.certificate_hold
    server.done("ReleaseCertificate", certificate="ocsp-held")
    wait_for(lambda: status(ask(server, asked), about) is GOOD)


def test_a_deleted_certificate_is_answered_for_as_before(server):
    about = issued(server, "ocsp-deleted")
    server.done("DeleteCertificate", certificate="ocsp-deleted")
    assert status(ask(server, question(about)), about) is GOOD


def test_every_version_of_a_certificate_has_its_own_status(server):
    first = issued(server, "ocsp-versions")
    server.done("RenewCertificate", certificate="ocsp-versions")
    server.done("RevokeCertificate", certificate="ocsp-versions", version=1, reason="superseded")
    second = read_current(server, "ocsp-versions")
    assert status(ask(server, question(first)), first) is REVOKED
    assert status(ask(server, question(second)), second) is GOOD


def read_current(server, name):
    """Return the current version of a certificate."""
    return read(server.get(f"/api/v1/certificates/{name}/pem").body.decode() + authority_pem(server))


def authority_pem(server):
    """Return the intermediate's certificate."""
    return server.get("/api/v1/authorities/intermediate").json["certificate_pem"]


def test_an_intermediate_is_answered_for_by_its_root_also_when_it_is_revoked(server):
    body = {"subject": {"common_name": "OCSP Test CA"}, "issuer": "root", "path_length": 0}
    server.done("CreateAuthority", name="ocsp-ca", **body)
    issuer = x509.load_pem_x509_certificate(server.get("/api/v1/authorities/root").json["certificate_pem"].encode())
    serial = int(server.get("/api/v1/authorities/ocsp-ca").json["serial_number"], 16)
    assert answer(ask(server, question_about(issuer, serial), "root")).certificate_status is GOOD
    server.done("RevokeAuthority", authority="ocsp-ca", reason="cessationOfOperation")
    wait_for(lambda: answer(ask(server, question_about(issuer, serial), "root")).certificate_status is REVOKED)


@pytest.mark.parametrize("serial_number", [1, (1 << 159) + 1, 1 << 300])
def test_what_was_never_issued_is_unknown_and_not_kept_by_anybody(server, www, serial_number):
    reply = get(server, question_about(www.issuer, serial_number))
    check_delegate(answer(reply), www.issuer)
    assert answer(reply).certificate_status is UNKNOWN
    assert reply.headers["cache-control"] == "no-store"


def test_a_serial_number_of_another_authority_is_unknown(server, www):
    root = x509.load_pem_x509_certificate(server.get("/api/v1/authorities/root").json["certificate_pem"].encode())
    reply = ask(server, question_about(root, www.certificate.serial_number), "root")
    assert answer(reply).certificate_status is UNKNOWN


def test_another_issuer_is_no_business_of_an_authority(server, www):
    assert answer(ask(server, question(www), "root")).response_status is UNAUTHORIZED


def test_several_certificates_are_answered_for_in_one_signed_response(server, www, revoked):
    never = question_about(www.issuer, 77)
    reply = get(server, together([question(www, hashes.SHA256()), question(revoked), never]))
    assert reply.headers["cache-control"] == get(server, together([question(www)] * 2)).headers["cache-control"]
    assert reply.headers["cache-control"] == "no-store"
    response = answer(reply)
    check_delegate(response, www.issuer)
    assert [single.certificate_status for single in response.responses] == [GOOD, REVOKED, UNKNOWN]
    asked = [www.certificate.serial_number, revoked.certificate.serial_number, 77]
    assert [single.serial_number for single in response.responses] == asked


def test_among_ours_another_issuers_certificate_is_unknown(server, www):
    root = x509.load_pem_x509_certificate(server.get("/api/v1/authorities/root").json["certificate_pem"].encode())
    response = answer(ask(server, together([question(www), question_about(root, 1)])))
    assert [single.certificate_status for single in response.responses] == [GOOD, UNKNOWN]


@pytest.mark.parametrize("length", [1, 16, 32, 128])
def test_a_nonce_is_repeated_and_its_answer_kept_by_nobody(server, www, length):
    nonce = bytes(range(length))
    reply = get(server, question(www, nonce=nonce))
    assert status(reply, www) is GOOD
    assert answer(reply).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("length", [0, 129])
def test_a_nonce_of_another_length_is_malformed(server, www, length):
    assert answer(ask(server, question(www, nonce=bytes(length)))).response_status is MALFORMED


def test_without_a_nonce_everybody_gets_the_same_answer_by_either_method(server, www):
    by_post = ask(server, question(www))
    assert by_post.body == get(server, question(www)).body == ask(server, question(www)).body
    assert by_post.body != ask(server, question(www, nonce=b"n" * 32)).body


def test_caches_are_told_how_long_an_answer_holds(server, www):
    reply = get(server, question(www))
    response, headers = answer(reply), reply.headers
    assert parsedate_to_datetime(headers["last-modified"]) == response.this_update_utc
    assert parsedate_to_datetime(headers["expires"]) == response.next_update_utc
    age, *others = headers["cache-control"].split(", ")
    assert others == ["public", "no-transform", "must-revalidate"]
    left = (response.next_update_utc - datetime.now(UTC)).total_seconds()
    assert 0 < int(age.removeprefix("max-age=")) < left


def test_who_has_the_answer_is_told_so(server, www):
    reply = get(server, question(www))
    for condition in (
        {"If-None-Match": reply.headers["etag"]},
        {"If-None-Match": f'"other", {reply.headers["etag"]}'},
        {"If-Modified-Since": reply.headers["last-modified"]},
    ):
        again = get(server, question(www), headers=condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == reply.headers["etag"]
    assert get(server, question(www), headers={"If-None-Match": '"other"'}).status == 200


def test_a_request_in_a_path_is_understood_however_it_is_encoded(server, www):
    # Its base64 has each of the characters about which programs differ.
    asked = next(
        one
        for n in range(1, 500)
        if {"/", "+", "="} <= set(base64.b64encode(one := question_about(www.issuer, n << 8 | 0xFB)).decode())
    )
    text = base64.b64encode(asked).decode()
    once = quote(text, safe="")
    for path in (text, once, quote(once), quote(text, safe="+="), "/" + text, text.rstrip("="), once + "?x=1"):
        response = answer(server.fetch(f"/pki/intermediate/ocsp/{path}"))
        assert response.response_status is OCSPResponseStatus.SUCCESSFUL
        assert response.serial_number & 0xFF == 0xFB


@pytest.mark.parametrize("path", ["AAAA", "%00", "not base64 at all", "%25%25%25", "=", "M" * 6000])
def test_what_is_no_request_in_a_path_is_malformed(server, path):
    reply = server.fetch(f"/pki/intermediate/ocsp/{quote(path, safe='%=')}")
    assert reply.status == 400 or answer(reply).response_status is MALFORMED


def test_too_large_a_request_is_malformed_and_a_larger_one_is_not_even_read(server):
    assert answer(ask(server, b"\x30" * (LARGEST_REQUEST + 1))).response_status is MALFORMED
    assert ask(server, bytes(65 * 1024)).status == 413


def test_only_so_many_certificates_are_asked_about_at_once(server, www):
    many = [question_about(www.issuer, n) for n in range(1, MOST_CERTIFICATES + 1)]
    response = answer(ask(server, together(many)))
    assert len(list(response.responses)) == MOST_CERTIFICATES
    assert answer(ask(server, together([*many, many[0]]))).response_status is MALFORMED


def test_another_media_type_and_an_authority_that_is_not_there_are_refused(server, www):
    assert server.fetch("/pki/intermediate/ocsp", {"Content-Type": "text/plain"}, question(www)).status == 415
    for authority in ("nobody", "018f0000-0000-7000-8000-000000000009", "..", "%2e"):
        assert server.fetch(f"/pki/{authority}/ocsp", REQUEST, question(www)).status == 404


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_is_answered(server, www, data):
    """A request with any octets changed, left out or put in is a request, malformed, or about something else."""
    asked = bytearray(question(www, nonce=b"n" * 32))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(asked)))
        asked[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    response = answer(ask(server, bytes(asked)))
    if response.response_status is OCSPResponseStatus.SUCCESSFUL:
        check_delegate(response, www.issuer)
    else:
        assert response.response_status in {MALFORMED, UNAUTHORIZED}
