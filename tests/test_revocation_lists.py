"""CRLs of an installation with several servers, of one whose leader is killed, and of one that came from a backup."""

import shutil
from concurrent.futures import ThreadPoolExecutor

from cryptography import x509

from tests import serving
from tests.serving import wait_for
from tests.test_on_postgres import es_pki, with_its_key

PREPARED = "/api/v1/events?type=revocation_list.crl_prepared.v1&limit=1000"


def numbers(server):
    """Return the numbers of all CRLs that were ever prepared, by list, in their order."""
    found = {}
    for event in server.get(PREPARED).json["items"]:
        found.setdefault(event["stream"], []).append(event["data"]["crl_number"])
    return found


def crl_of(server):
    authority_id = server.get("/api/v1/authorities/intermediate").json["id"]
    return server.fetch(f"/pki/{authority_id}/crl").body


def revoked_by(server, name):
    """Issue and revoke a certificate; return its serial number."""
    made = server.done("IssueCertificate", name=name, authority="intermediate", dns_names=["www.example.test"])
    server.done("RevokeCertificate", certificate=name, reason="superseded")
    return int(made["result"]["serial_number"], 16)


def lists(server, serial_number):
    crl = x509.load_der_x509_crl(crl_of(server))
    return crl.get_revoked_certificate_by_serial_number(serial_number) is not None


def test_two_servers_never_use_a_number_twice_and_one_goes_on_when_the_other_is_killed(tmp_path, postgres_url):
    settings = {"ES_PKI_DATABASE_URL": postgres_url}
    with serving.running(tmp_path / "first", **settings) as first:
        folder = with_its_key(tmp_path / "second", tmp_path / "first")
        with serving.running(folder, **settings) as second:
            with ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(s.done, "IssueCRL", authority="intermediate") for s in (first, second) * 3]
                assert all(answer.result()["result"]["crls"] for answer in asked)
            serial_number = revoked_by(second, "one")
            wait_for(lambda: lists(first, serial_number) and crl_of(first) == crl_of(second))
            first.process.kill()
            first.process.wait()
            serial_number = revoked_by(second, "two")
            wait_for(lambda: lists(second, serial_number))
            for of_list in numbers(second).values():
                assert of_list == sorted(set(of_list))


def test_a_restored_installation_uses_no_number_again(tmp_path):
    folder, backup, restored = tmp_path / "data", tmp_path / "a.backup", tmp_path / "restored"
    with serving.running(folder) as server:
        assert es_pki(folder, "backup", "create", str(backup))[0] == 0
        for _ in range(3):
            server.done("IssueCRL", authority="intermediate")
        lost = numbers(server)
    assert es_pki(restored, "backup", "restore", str(backup))[0] == 0
    shutil.copy2(folder / "master.key", restored / "master.key")
    assert es_pki(restored, "token", "recover", "again", "-o", str(restored / "admin.token"))[0] == 0
    with serving.running(restored) as server:
        (made,) = server.done("IssueCRL", authority="intermediate")["result"]["crls"]
    assert all(made["crl_number"] > max(of_list) for of_list in lost.values())
