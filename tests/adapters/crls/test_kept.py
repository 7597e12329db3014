"""What a publisher keeps: a start from it knows the same as one that reads the whole log, or doesn't use it."""

import hashlib

import pytest

from es_pki.adapters import clock
from es_pki.adapters.crls import kept, publisher
from es_pki.adapters.crls.again import made_again
from es_pki.adapters.crls.ledger import LISTED
from es_pki.adapters.intake.requests import HoldCertificate, ReleaseCertificate, RevokeCertificate
from eventlog.memory import MemoryLog
from tests.adapters.crls.test_publisher import issued, issuing_list, publisher_of, publishing, serials, until
from tests.world import World, open_keys


@pytest.fixture
def file(tmp_path):
    return tmp_path / "crls.kept"


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch):
    """Keep what is known after every revocation, not only after many."""
    monkeypatch.setattr(publisher, "KEEP_AFTER", 1)


class Watched:
    """A log that notes which records of revocations were read."""

    def __init__(self, log):
        self._log = log
        self.read = []

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def follow(self, after=0, types=None):
        """Follow it."""
        async for page in self._log.follow(after=after, types=types):
            self.read += [record.position for record in page.records if record.type in LISTED]
            yield page


@pytest.fixture
async def watched(world):
    """The world with a log that is watched."""
    world.log = Watched(world.log)
    return world


async def lived(world, tmp_path, file):
    """Let a publisher see revocations, a hold and its end; return what it had made of the list in the end."""
    aggregate_id = await issuing_list(world)
    numbers = {name: await issued(world, name) for name in ("revoked", "held", "released", "later")}
    async with publishing(world, tmp_path, file=file) as first:
        for request in (RevokeCertificate("revoked"), HoldCertificate("held"), HoldCertificate("released")):
            await world.ask(request)
        wanted = {numbers["revoked"], numbers["held"], numbers["released"]}
        await until(lambda: serials(first.made(aggregate_id).complete) == wanted)
        await world.ask(ReleaseCertificate("released"))
        await until(lambda: serials(first.made(aggregate_id).complete) == wanted - {numbers["released"]})
        await until(lambda: first.due == 0)
        last = [record.position async for page in world.log.read_all(types=LISTED) for record in page.records][-1]
        await until(lambda: (known := kept.read(file)) and known.position >= last)
        return aggregate_id, numbers, first.newest()


async def test_a_start_reads_only_what_came_since_and_serves_the_same(watched, tmp_path, file):
    _, _, made = await lived(watched, tmp_path, file)
    watched.log.read.clear()
    async with publishing(watched, tmp_path, file=file) as second:
        assert second.newest() == made
        assert watched.log.read == []


async def test_what_goes_on_from_it_is_what_the_log_says(world, tmp_path, file):
    aggregate_id, numbers, _ = await lived(world, tmp_path, file)
    async with publishing(world, tmp_path, file=file) as second:
        await world.ask(ReleaseCertificate("held"))
        await world.ask(RevokeCertificate("later"))
        await until(lambda: serials(second.made(aggregate_id).complete) == {numbers["revoked"], numbers["later"]})
        await until(lambda: second.due == 0)
        made = second.made(aggregate_id)
        assert serials(made.delta) == set(numbers.values())
        again = await made_again(world.log, second.maker, aggregate_id, made.prepared.crl_number)
        assert again == made
    async with publishing(world, tmp_path) as afresh:
        assert afresh.newest() == second.newest()
    assert (await world.examine()).findings == []


async def test_what_was_recorded_and_prepared_while_nobody_ran_is_in_the_next_crl(world, tmp_path, file):
    aggregate_id, numbers, _ = await lived(world, tmp_path, file)
    await world.ask(RevokeCertificate("later"))
    maker = publisher_of(world, tmp_path).maker
    await maker.prepare(aggregate_id, clock.now(), request_id="left unsigned", actor="a process that was killed")
    async with publishing(world, tmp_path, file=file) as second:
        await until(lambda: numbers["later"] in serials(second.made(aggregate_id).complete))
    assert (await world.examine()).findings == []


def damaged(content):
    return content[:-9] + bytes((content[-9] ^ 1,)) + content[-8:]


def of_another_format(content):
    known = kept._DECODER.decode(content[kept.DIGEST_SIZE :]).known
    other = kept._ENCODER.encode(kept._File(kept.FORMAT + 1, "0", known))
    return hashlib.sha256(other).digest() + other


def rubbish(_content):
    return hashlib.sha256(b"rubbish").digest() + b"rubbish"


def cut_off(content):
    return content[:20]


@pytest.mark.parametrize("spoil", [damaged, of_another_format, rubbish, cut_off, lambda _: b""])
async def test_what_was_spoiled_counts_for_nothing(watched, tmp_path, file, spoil):
    _, _, made = await lived(watched, tmp_path, file)
    file.write_bytes(spoil(file.read_bytes()))
    watched.log.read.clear()
    async with publishing(watched, tmp_path, file=file) as second:
        assert second.newest() == made
        assert len(watched.log.read) == 4


async def test_what_is_of_another_log_counts_for_nothing(world, tmp_path, file):
    await lived(world, tmp_path, file)
    (tmp_path / "other").mkdir()
    other = World(await MemoryLog.open(), await open_keys(tmp_path / "other"))
    await other.set_up()
    for number in range(20):
        await issued(other, f"www-{number}")
    assert (await other.log.head()).size > kept.read(file).position
    async with publishing(other, tmp_path / "other", file=file) as second:
        assert set(second.newest()) == {await issuing_list(other, name=name) for name in ("root", "intermediate")}
        assert serials(second.made(await issuing_list(other)).complete) == set()
    await other.keys.close()
    await other.log.close()


async def test_a_log_that_was_restored_from_before_is_read_anew(world, tmp_path, file):
    await lived(world, tmp_path, file)
    (tmp_path / "other").mkdir()
    younger = World(await MemoryLog.open(), await open_keys(tmp_path / "other"))
    await younger.set_up()
    assert (await younger.log.head()).size < kept.read(file).position
    async with publishing(younger, tmp_path / "other", file=file) as second:
        assert serials(second.made(await issuing_list(younger)).complete) == set()
    await younger.keys.close()
    await younger.log.close()


async def test_a_folder_that_takes_no_file_keeps_nobody_from_publishing(world, tmp_path):
    aggregate_id, number = await issuing_list(world), await issued(world, "www")
    async with publishing(world, tmp_path, file=tmp_path / "no such folder" / "crls.kept") as first:
        await world.ask(RevokeCertificate("www"))
        await until(lambda: serials(first.made(aggregate_id).complete) == {number})
