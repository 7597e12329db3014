"""A validation that looks around, in a PKI that publishes: what is lacking comes from where the certificates say."""

import socket
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from es_pki.adapters.fetching import Fetcher
from es_pki.adapters.gathering import MOST_ISSUERS, gathered
from es_pki.adapters.validation import RevocationMode
from es_pki.adapters.validation.pointers import Path, Pointers, pointers
from es_pki.adapters.validation.work import Anchor, Case
from es_pki.adapters.worker import Workers
from tests.adapters.validation.chains import authority, key_of
from tests.adapters.validation.chains import server as certified
from tests.samples import fresh
from tests.serving import wait_for


def ders(pem):
    return [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem.encode())]


@pytest.fixture
def root(server):
    return ders(server.get("/api/v1/authorities/root").json["certificate_pem"])[0]


@pytest.fixture
def issued(server):
    """A certificate's name and its chain."""
    name = fresh("looked-for")
    body = {"name": name, "authority": "intermediate", "dns_names": ["www.example.test"]}
    return name, ders(server.done("IssueCertificate", **body)["result"]["certificate_pem"])


@pytest.fixture
async def look():
    """Look around on this machine."""
    workers, fetcher = Workers(1), Fetcher([ip_network("127.0.0.0/8")])

    async def look(case):
        return await gathered(case, workers, fetcher)

    yield look
    await fetcher.close()
    await workers.close()


def case_of(*certificates, anchor, **more):
    facts = {"time": datetime.now(UTC), "revocation": RevocationMode.HARD, **more}
    return Case(certificates=certificates, anchors=(Anchor(anchor),), **facts)


async def test_the_issuer_and_what_is_said_of_revocation_are_fetched(look, root, issued):
    _, (leaf, *_) = issued
    found = await look(case_of(leaf, anchor=root))
    assert found.validation.is_valid, found
    assert len(found.validation.path) == 3
    paths = {asked.url.rpartition("/")[2] for asked in found.asked}
    assert {"ca.crt", "crl", "ocsp"} <= paths
    assert [asked for asked in found.asked if asked.failure and not asked.url.endswith("delta")] == []


async def test_what_was_revoked_is_found_out(server, look, root, issued):
    name, (leaf, *_) = issued
    server.done("RevokeCertificate", certificate=name, reason="superseded")

    def is_published():
        crl = server.get("/api/v1/authorities/intermediate/crl", headers={"Accept": "application/pkix-crl"}).body
        serial_number = x509.load_der_x509_certificate(leaf).serial_number
        return x509.load_der_x509_crl(crl).get_revoked_certificate_by_serial_number(serial_number) is not None

    wait_for(is_published)
    found = await look(case_of(leaf, anchor=root))
    assert not found.validation.is_valid
    assert "certificate-is-not-revoked" in {finding.rule for finding in found.validation.findings}


async def test_nothing_is_fetched_that_nobody_needs(look, root, issued):
    _, (leaf, intermediate) = issued
    found = await look(case_of(leaf, intermediate, anchor=root, revocation=RevocationMode.NONE))
    assert (found.validation.is_valid, found.asked) == (True, ())


async def test_inside_nothing_is_asked_unless_it_is_allowed(root, issued):
    _, (leaf, *_) = issued
    workers, fetcher = Workers(1), Fetcher()
    found = await gathered(case_of(leaf, anchor=root), workers, fetcher)
    await fetcher.close()
    await workers.close()
    assert not found.validation.is_valid
    assert found.asked
    assert all("is in no public network" in asked.failure for asked in found.asked)


def test_what_can_not_be_read_points_nowhere():
    assert pointers(Path((b"\x30\x00", b""))) == Pointers()
    assert pointers(Path(())) == Pointers()


class Issuers:
    """Answers every question for an issuer's certificate with one that points on: to another one, or to itself."""

    def __init__(self, port, *, is_loop):
        self._port, self._is_loop = port, is_loop
        self.asked = []

    def pointer(self, number):
        """Return where the issuer of a number is found."""
        where = x509.UniformResourceIdentifier(f"http://127.0.0.1:{self._port}/{number}")
        described = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        return x509.AuthorityInformationAccess([described]), False

    async def answer(self, request):
        """Answer."""
        number = int(request.path[1:])
        self.asked.append(number)
        above = number if self._is_loop else number + 1
        issuer = authority(f"issuer {above}", key=key_of("all"))
        found = authority(f"issuer {number}", issuer, self.pointer(above), key=key_of("all"))
        return web.Response(body=found.der)


@pytest.mark.parametrize("is_loop", [True, False])
async def test_issuers_that_point_at_each_other_for_ever_are_not_followed_for_ever(look, root, is_loop):
    application = web.Application()
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        issuers = Issuers(bound.getsockname()[1], is_loop=is_loop)
        application.router.add_get("/{number}", issuers.answer)
        await runner.setup()
        await web.SockSite(runner, bound).start()
        leaf = certified(authority("issuer 1", key=key_of("all")), issuers.pointer(1))
        found = await look(case_of(leaf.der, anchor=root, revocation=RevocationMode.NONE))
        await runner.cleanup()
    assert "path-reaches-a-trust-anchor" in {finding.rule for finding in found.validation.findings}
    assert issuers.asked == ([1] if is_loop else list(range(1, MOST_ISSUERS + 1)))


async def test_over_http_it_is_asked_for(server, root, issued):
    name, _ = issued
    pem = server.get(f"/api/v1/certificates/{name}/pem?at_least={server.size()}").body.decode()
    body = {"certificates": pem, "fetch": True, "revocation": "hard"}
    answer = server.send("POST", "/api/v1/validate", body).json
    assert (answer["is_valid"], answer["fetched"]) == (True, []), answer
    path = f"/api/v1/certificates/{name}/validation"
    assert server.get(f"{path}?fetch=1&revocation=hard").json["is_valid"]
    assert server.get(f"{path}?fetch=yes").json["errors"][0]["field"] == "fetch"
    outside = server.send(
        "POST", "/api/v1/validate", {**body, "trust_anchors": pem_of(root), "time": "2020-01-01T00:00:00Z"}
    )
    assert outside.json["is_valid"] is False


def pem_of(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
