"""A trust store's history holds together, and a name that was reserved for nobody is found."""

import pytest

from es_pki.adapters.intake.requests import CreateTrustStore, DistrustCertificate, TrustCertificate
from es_pki.adapters.recorded import encode_metadata
from es_pki.events import codec
from es_pki.events.trust_store import TrustStoreCreated
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests.world import World, open_keys


@pytest.fixture
async def world(tmp_path):
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys)
    await world.set_up()
    yield world
    await world.keys.close()
    await log.close()


async def test_a_store_with_certificates_is_sound(world):
    made = await world.ask(CreateTrustStore(name="own", authorities=("root",), system=True), "a key")
    await world.ask(TrustCertificate(trust_store="own", authorities=("intermediate",)))
    assert (await world.examine()).findings == []
    again = await world.ask(CreateTrustStore(name="own", authorities=("root",), system=True), "a key")
    assert (again.events, again.result["trusted"]) == ((), made.result["trusted"] + 1)


async def test_a_distrusted_certificate_stays_so_when_the_public_list_is_read_again(world):
    made = await world.ask(CreateTrustStore(name="public", system=True), "a key")
    trusted = codec.decode(made.events[1].type, bytes(made.events[1].data))
    fingerprint = trusted.anchor.fingerprint
    await world.ask(DistrustCertificate(trust_store="public", fingerprint=fingerprint, reason="a test"))
    again = await world.ask(TrustCertificate(trust_store="public", system=True))
    assert (again.events, again.result["trusted"]) == ((), made.result["trusted"] - 1)


async def test_a_store_whose_name_was_not_reserved_is_found(world):
    event = NewEvent(*codec.encode(TrustStoreCreated("own", b"digest")))
    await world.log.append([Write("trust_store-x", 0, (event,))], metadata=encode_metadata("admin", "CreateTrustStore"))
    (finding,) = (await world.examine()).findings
    assert "'trust_store_name-own' was not reserved" in finding.problem
