"""Services on a real log: what is bound and what is deleted are decided on one state, whoever is first."""

import asyncio

import pytest

from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeleteCertificate,
    RegisterService,
    RenewCertificate,
    ResumeService,
    RetireService,
    SelfSignCertificate,
    StopService,
    UnbindCertificate,
)
from es_pki.commands.lineage import AlreadyDeleted, CertificateInUse
from es_pki.commands.service import ServiceIsStopped
from es_pki.decider import Refused
from eventlog.memory import MemoryLog
from tests.test_every_fault import settle
from tests.world import Failing, Fault, World, open_keys


@pytest.fixture
async def world(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    assert (await world.examine()).findings == []
    await world.keys.close()
    await log.close()


async def furnish(world):
    for name in ("www", "spare"):
        await world.ask(SelfSignCertificate(name=name, dns_names=("www.example.test",)))
    await world.ask(RegisterService(name="nginx"))


async def test_a_bound_certificate_is_deleted_only_after_it_is_let_go(world):
    await furnish(world)
    await world.ask(BindCertificate("nginx", "www", "spare"))
    for name in ("www", "spare"):
        with pytest.raises(CertificateInUse, match="nginx"):
            await world.ask(DeleteCertificate(name))
    await world.ask(UnbindCertificate("nginx"))
    await world.ask(DeleteCertificate("www"))
    with pytest.raises(Refused):
        await world.ask(BindCertificate("nginx", "www"))


async def test_a_retired_service_holds_nothing(world):
    await furnish(world)
    await world.ask(BindCertificate("nginx", "www", "spare"))
    await world.ask(RetireService("nginx"))
    for name in ("www", "spare"):
        await world.ask(DeleteCertificate(name))


async def test_a_stopped_service_holds_nothing_until_it_is_resumed(world):
    await furnish(world)
    await world.ask(BindCertificate("nginx", "www", "spare"))
    await world.ask(StopService("nginx"))
    await world.ask(DeleteCertificate("spare"))
    with pytest.raises(AlreadyDeleted):
        await world.ask(ResumeService("nginx"))
    with pytest.raises(ServiceIsStopped):
        await world.ask(BindCertificate("nginx", "www"))
    await world.ask(UnbindCertificate("nginx"))
    await world.ask(ResumeService("nginx"))
    await world.ask(BindCertificate("nginx", "www"))
    await world.ask(StopService("nginx"))
    await world.ask(ResumeService("nginx"))
    with pytest.raises(CertificateInUse, match="nginx"):
        await world.ask(DeleteCertificate("www"))
    await world.ask(StopService("nginx"))
    await world.ask(RetireService("nginx"))
    await world.ask(DeleteCertificate("www"))


async def test_what_was_the_fallback_may_become_the_certificate(world):
    await furnish(world)
    await world.ask(BindCertificate("nginx", "www", "spare"))
    await world.ask(BindCertificate("nginx", "spare", "www"))
    await world.ask(BindCertificate("nginx", "spare"))
    await world.ask(DeleteCertificate("www"))
    with pytest.raises(CertificateInUse):
        await world.ask(DeleteCertificate("spare"))


async def test_binding_deleting_and_renewing_at_once_leave_one_truth(world):
    """Each in a process of its own, so that only the log decides."""
    await furnish(world)
    others = [World(world.log, world.keys._store) for _ in range(4)]
    asks = [
        BindCertificate("nginx", "www", "spare"),
        RenewCertificate("www"),
        DeleteCertificate("www"),
        DeleteCertificate("spare"),
    ]
    outcomes = await asyncio.gather(
        *(other.ask(ask) for other, ask in zip(others, asks, strict=True)), return_exceptions=True
    )
    bound, renewed, *deleted = outcomes
    assert all(
        isinstance(outcome, AlreadyDeleted | CertificateInUse) or not isinstance(outcome, Exception)
        for outcome in (bound, renewed, *deleted)
    ), outcomes
    if not isinstance(bound, Exception):
        assert all(isinstance(outcome, CertificateInUse) for outcome in deleted)


async def test_after_any_fault_of_the_log_services_and_certificates_agree(tmp_path):
    requests = [
        SelfSignCertificate(name="www", dns_names=("www.example.test",)),
        SelfSignCertificate(name="spare", dns_names=("www.example.test",)),
        RegisterService(name="nginx"),
        BindCertificate("nginx", "www"),
        BindCertificate("nginx", "spare", "www"),
        UnbindCertificate("nginx"),
    ]
    for number in range(1, 30):
        log, keys = await MemoryLog.open(), await open_keys(tmp_path)
        await World(log, keys).set_up()
        faulty = Failing(log, {"append"}, number, after=number % 2 == 0)
        broken, again = World(faulty, keys), World(log, keys)
        try:
            for place, request in enumerate(requests):
                await broken.ask(request, f"key {place}")
        except Fault:
            assert (await broken.examine()).findings == []
        await settle(again)
        for place, request in enumerate(requests):
            await again.ask(request, f"key {place}")
        assert (await again.examine()).findings == []
        await keys.close()
        await log.close()
        if not faulty.failed:
            break
    assert not faulty.failed
