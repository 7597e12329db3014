"""A store fails at its k-th call, for every k: afterwards the world is whole, and everything can be finished."""

import pytest

from es_pki.adapters.intake.requests import (
    CreateCSR,
    CreateToken,
    DescribeCertificate,
    IssueCertificate,
    RenameCertificate,
    RenewCertificate,
    RollBackCertificate,
    SelfSignCertificate,
    SignCSR,
)
from eventlog import LogError
from eventlog.memory import MemoryLog
from tests.world import Failing, Fault, World, open_keys


def requests(csrs):
    return [
        SignCSR(name="csr", authority="intermediate", csr=csrs["ec-p256"]),
        IssueCertificate(name="issued", authority="intermediate", dns_names=("a.example.test",)),
        SelfSignCertificate(name="self", dns_names=("b.example.test",)),
        CreateToken(name="bob", roles=("viewer",)),
        RenewCertificate("csr", reuse_key=True),
        RenewCertificate("issued"),
        CreateCSR(name="kept", dns_names=("c.example.test",)),
        SignCSR(name="of-kept", authority="intermediate", signing_request="kept"),
        RollBackCertificate("issued", 1),
        RenameCertificate("issued", "renamed"),
        DescribeCertificate("self", labels={"team": "web"}, owner="alice"),
    ]


async def live(world, csrs):
    """Set up and do one request of each kind, each under its key."""
    await world.set_up()
    return [await world.ask(request, f"key {number}") for number, request in enumerate(requests(csrs))]


async def settle(world):
    """Do what the reactions runner would do after a restart."""
    for stream, prepared in (await world.examine()).outstanding.items():
        category, _, aggregate_id = stream.partition("-")
        if category == "authority":
            await world.signer.sign_authority(aggregate_id)
        else:
            await world.signer.sign_certificate(aggregate_id, prepared.version)


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize(
    ("store", "method"), [("log", "append"), ("log", "read_stream"), ("keys", "put"), ("keys", "get")]
)
async def test_after_any_fault_everything_can_be_finished(tmp_path, csrs, store, method, after):
    reached = 0
    for number in range(1, 80):
        folder = tmp_path / str(number)
        folder.mkdir()
        log, keys = await MemoryLog.open(), await open_keys(folder)
        faulty = Failing(log if store == "log" else keys, {method}, number, after=after)
        broken = World(faulty if store == "log" else log, faulty if store == "keys" else keys)
        try:
            await live(broken, csrs)
        except (Fault, LogError):
            reached = number
        assert (await broken.examine()).findings == []

        again = World(log, keys)
        await settle(again)
        answers = await live(again, csrs)
        examination = await again.examine()
        assert (examination.findings, examination.outstanding) == ([], {})
        names = [answer.result["name"] for answer in answers]
        assert names[:6] == ["csr", "issued", "self", "bob", "csr", "issued"]
        renamed, described = (answer.result for answer in answers[-2:])
        assert (renamed["name"], renamed["aliases"], renamed["current_version"]) == ("renamed", ("issued",), 1)
        assert (described["labels"], described["owner"]) == ({"team": "web"}, "alice")
        await keys.close()
        await log.close()
        if not faulty.failed:
            break
    assert reached >= 3
    assert not faulty.failed
