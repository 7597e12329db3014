"""The inventory by finding: what certificates say, what was decided about them, and what time it is."""

import base64
import datetime

import pytest

from es_pki.adapters.http.findings import FINDINGS
from tests.adapters.validation import chains
from tests.adapters.x509.reading.made import Made
from tests.samples import fresh

LONG = ("-days", "9000")
NO_NAMES = ("-addext", "subjectAltName=otherName:1.2.3.4;UTF8:nobody", "-addext", "extendedKeyUsage=serverAuth")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A chain with its keys, as openssl makes them."""
    return Made(tmp_path_factory.mktemp("made"))


def brought_in(server, made, *more, kind="ec-p256", with_chain=True):
    """Import a certificate from elsewhere; return its name."""
    name = fresh("found")
    made.key(name, kind)
    pem = made.certificate(name, "intermediate", f"/CN={name}", "CA:FALSE", *more).decode()
    chain = made.read("intermediate.pem").decode() if with_chain else ""
    server.done("ImportCertificate", name=name, certificate=pem + chain)
    return name


def dated(server, begins, ends):
    """Import a certificate that holds from the first day of a year to that of another one; return its name."""
    name = fresh("found")
    first, last = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (begins, ends))
    certificate = chains.made(name, begins=first, ends=last).der
    server.done("ImportCertificate", name=name, certificate=base64.b64encode(certificate).decode())
    return name


def issued(server, **more):
    name = fresh("found")
    server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"], **more)
    return name


def found(server, finding, **parameters):
    """Return the names of the certificates with a finding, read in small pages."""
    names, cursor = [], None
    asked = "".join(f"&{name}={value}" for name, value in parameters.items())
    while True:
        path = f"/api/v1/certificates?finding={finding}&limit=2&at_least={server.size()}{asked}"
        page = server.get(path + (f"&cursor={cursor}" if cursor else "")).json
        names += [row["name"] for row in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            assert names == sorted(set(names))
            return names


def test_what_a_certificate_says_is_found_and_nothing_else(server, made):
    sound = brought_in(server, made)
    wrong = {
        "weak-key": brought_in(server, made, *LONG, kind="rsa-2048"),
        "weak-signature": brought_in(server, made, "-sha1"),
        "no-alternative-names": brought_in(server, made, *NO_NAMES),
        "chain-incomplete": brought_in(server, made, with_chain=False),
    }
    for finding, name in wrong.items():
        assert name in found(server, finding)
        assert not ({sound, *wrong.values()} - {name}) & set(found(server, finding))
        assert server.get(f"/api/v1/certificates/{name}").json["findings"] == [finding]


def test_an_rsa_key_of_2048_bits_is_weak_where_it_is_relied_on_after_2030(server, made):
    assert brought_in(server, made, kind="rsa-2048") not in found(server, "weak-key")


def test_what_was_decided_is_found(server):
    revoked, held, sound = issued(server), issued(server), issued(server)
    server.done("RevokeCertificate", certificate=revoked, reason="superseded")
    server.done("HoldCertificate", certificate=held)
    assert revoked in found(server, "revoked")
    assert held in found(server, "held")
    assert not {revoked, sound} & set(found(server, "held"))
    assert found(server, "revoked", status="issued") == []
    before = server.size()
    server.done("ReleaseCertificate", certificate=held)
    assert held not in found(server, "held")
    assert held in found(server, "held", as_of=before)


def test_what_has_ended_is_found_by_the_time_that_is_asked_about(server):
    name, future = dated(server, 2020, 2021), dated(server, 2099, 2100)
    assert name in found(server, "expired")
    assert future in found(server, "not-yet-valid")
    assert not {future, issued(server)} & set(found(server, "expired"))
    assert name not in found(server, "not-yet-valid")
    assert future in found(server, "expired", as_of="2100-06-01T00:00:00Z")


def test_a_certificate_whose_key_was_reported_is_found_though_nobody_here_can_revoke_it(server, made):
    name, other = brought_in(server, made), brought_in(server, made)
    before = server.size()
    server.done("ReportKeyCompromise", certificate=name, reason="it lay on a web server")
    assert name in found(server, "key-compromised")
    assert other not in found(server, "key-compromised")
    assert found(server, "key-compromised", name=name, as_of=before) == []
    assert server.get(f"/api/v1/certificates/{name}").json["status"] == "issued"


def test_what_was_wrong_before_a_renewal_is_not_wrong_after_it(server):
    name = issued(server)
    server.done("RevokeCertificate", certificate=name, reason="superseded")
    assert name in found(server, "revoked")
    server.done("RenewCertificate", certificate=name)
    assert name not in found(server, "revoked")


@pytest.mark.parametrize("finding", ["", "weak", "WEAK-KEY", "weak-key,expired", "%", "not_after"])
def test_an_unknown_finding_is_refused_with_those_that_are_known(server, finding):
    reply = server.get(f"/api/v1/certificates?finding={finding.replace('%', '%25')}")
    (error,) = reply.json["errors"]
    assert (reply.status, error["field"]) == (400, "finding")
    assert all(known in error["detail"] for known in FINDINGS)


def test_a_finding_of_a_past_without_certificates_is_nothing(server):
    day = datetime.date(2020, 1, 1)
    assert [found(server, finding, as_of=day) for finding in FINDINGS] == [[]] * len(FINDINGS)
