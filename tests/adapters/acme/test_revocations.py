"""Certificates that a real directory revokes: asked by the account, by the certificate's key, and what it refuses."""

import json
from datetime import timedelta

import pytest

from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.revocations import Revocations
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, KEY_COMPROMISE
from es_pki.adapters.intake.requests import (
    DeactivateACMEAccount,
    HoldCertificate,
    PlaceACMEOrder,
    RenewACME,
    ReportKeyCompromise,
    RevokeCertificate,
    RollBackCertificate,
)
from es_pki.commands.lineage import VersionRevoked
from es_pki.commands.refusals import AlreadyRevoked
from es_pki.commands.revocation import IssuedElsewhere
from es_pki.values import CRLReason, KeyType
from tests.acme_proxy import problem
from tests.adapters.acme.conftest import registration, versions_of


def status_of(directory, serial_number):
    """Return what the directory itself says of a certificate."""
    return json.loads(directory.management(f"/cert-status-by-serial/{serial_number}"))


async def test_the_directory_revokes_what_it_issued(world, ordered, directory):
    answer = await world.ask(RevokeCertificate("www", reason=CRLReason.SUPERSEDED))
    assert (answer.result["status"], answer.result["reason"]) == ("revoked", CRLReason.SUPERSEDED)
    told = status_of(directory, answer.result["serial_number"])
    assert (told["Status"], told["Reason"]) == ("Revoked", 4)
    again = await world.ask(RevokeCertificate("www", reason=CRLReason.SUPERSEDED))
    assert (again.events, again.result["status"]) == ((), "revoked")
    with pytest.raises(AlreadyRevoked):
        await world.ask(RevokeCertificate("www", reason=CRLReason.KEY_COMPROMISE))
    assert (await world.examine()).findings == []


async def test_a_directory_that_is_away_revokes_later(world, ordered, directory, proxy):
    proxy.once("/revoke-cert", problem("serverInternal", status=500))
    answer = await world.ask(RevokeCertificate("www"))
    assert (answer.result["status"], answer.result["problem"].type) == (
        "requested",
        "urn:ietf:params:acme:error:serverInternal",
    )
    assert (await world.ask(RenewACME("www"))).result["version"] == 2
    with pytest.raises(VersionRevoked):
        await world.ask(RollBackCertificate("www", version=1))
    state = await world.acme.revocations.revoke(ordered, 1)
    assert state.versions[1].revoked.reason is CRLReason.UNSPECIFIED
    assert status_of(directory, answer.result["serial_number"])["Status"] == "Revoked"


async def test_what_is_revoked_already_is_found_revoked(world, ordered, directory):
    version = (await versions_of(world, ordered))[1]
    account_id = await world.aggregates.owner("acme_account_name-pebble")
    account = (await world.aggregates.load(ACME_ACCOUNT, account_id)).state
    await world.acme.directories.client(account_id, account).revoke(version.certificate, 0)
    assert (await world.ask(RevokeCertificate("www"))).result["status"] == "revoked"


async def test_a_closed_account_leaves_the_certificates_own_key(world, listening, proxy, directory):
    await world.ask(registration(proxy))
    for key_type in (KeyType.EC_P384, KeyType.RSA_2048):
        names = {"dns_names": (f"{key_type}.example.test",), "key_type": key_type}
        assert (await world.ask(PlaceACMEOrder(key_type.value, "pebble", **names))).result["status"] == "issued"
    await world.ask(DeactivateACMEAccount("pebble"))
    for key_type in (KeyType.EC_P384, KeyType.RSA_2048):
        answer = await world.ask(RevokeCertificate(key_type.value, reason=CRLReason.KEY_COMPROMISE))
        assert answer.result["status"] == "revoked", answer.result
        assert status_of(directory, answer.result["serial_number"])["Reason"] == 1


async def test_what_the_directory_refuses_is_recorded_and_may_be_asked_again(world, ordered, proxy):
    proxy.once("/revoke-cert", problem("badRevocationReason", "not that one"))
    answer = await world.ask(RevokeCertificate("www", reason=CRLReason.PRIVILEGE_WITHDRAWN))
    assert (answer.result["status"], answer.result["problem"].detail) == ("issued", "not that one")
    assert (await versions_of(world, ordered))[1].revoked is None
    assert (await world.ask(RevokeCertificate("www"))).result["status"] == "revoked"


async def test_a_compromised_key_has_its_certificate_revoked_by_the_directory(world, ordered, directory):
    version = (await versions_of(world, ordered))[1]
    await world.ask(ReportKeyCompromise(certificate="www", reason="it lay in a bucket"))
    requested = (await versions_of(world, ordered))[1].requested
    assert requested.reason is CRLReason.KEY_COMPROMISE
    await world.acme.revocations.revoke(ordered, 1)
    assert status_of(directory, version.prepared.serial_number)["Reason"] == 1
    key = (await world.aggregates.load(KEY_COMPROMISE, version.prepared.public_key_hash)).state
    assert (key.is_reported, key.are_uses_revoked) == (True, True)


async def test_a_directory_holds_nothing(world, ordered):
    with pytest.raises(IssuedElsewhere):
        await world.ask(HoldCertificate("www"))


async def test_a_directory_that_is_gone_for_good_is_asked_until_the_certificate_ends(world, ordered, proxy):
    proxy.once("/revoke-cert", problem("serverInternal", status=500), times=3)
    assert (await world.ask(RevokeCertificate("www"))).result["status"] == "requested"
    not_after = (await versions_of(world, ordered))[1].prepared.not_after
    for later, is_over in ((timedelta(0), False), (timedelta(seconds=1), True)):
        at = not_after + later
        revocations = Revocations(world.aggregates, world.keys, world.acme.directories, lambda at=at: at)
        if is_over:
            state = await revocations.revoke(ordered, 1)
            assert (state.versions[1].requested, state.versions[1].refusal.detail) == (None, "serverInternal")
        else:
            with pytest.raises(DirectoryFailed):
                await revocations.revoke(ordered, 1)
