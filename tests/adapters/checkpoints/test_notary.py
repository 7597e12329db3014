"""The notary signs what the log says, and nothing that contradicts what it signed before."""

import asyncio
import itertools

import pytest

from es_pki.adapters import clock
from es_pki.adapters.checkpoints import Inconsistent, Notary
from es_pki.adapters.checkpoints.keys import Status, log_keys, statuses
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.intake.deciders import LOG_KEY
from es_pki.adapters.intake.first_run import FirstRun
from es_pki.adapters.intake.requests import RotateLogKey
from es_pki.adapters.x509.keys import verify_ed25519
from es_pki.commands.log_key import THE_LOG, LogKeyMissing, RecordLogRestored
from es_pki.config import SettingsRefused
from eventlog import Head, NewEvent, Write, entry, merkle, note
from eventlog.memory import MemoryLog
from eventlog.proof import verify_consistency, verify_inclusion
from eventlog.tree import Tree
from tests.eventlog import reference
from tests.world import Failing, Fault, World, open_keys

_numbers = itertools.count(1)


@pytest.fixture
async def store(tmp_path):
    store = await SQLiteCheckpoints.open(tmp_path / "checkpoint.db")
    yield store
    await store.close()


@pytest.fixture
async def keys(tmp_path):
    keys = await open_keys(tmp_path)
    yield keys
    await keys.close()


@pytest.fixture
async def world(keys):
    """An es-pki that was set up."""
    world = World(await MemoryLog.open(), keys)
    await world.set_up()
    return world


def always(command):
    async def ask():
        return command

    return ask


def notary_of(world, store):
    """A notary that has nothing in memory, as after a restart."""
    return Notary(world.log, Tree(world.log), world.keys, store)


async def grow(log, count=1):
    await log.append([Write(f"more-{next(_numbers)}", 0, (NewEvent("more.v1", b"{}"),) * count)])


async def verified(signed, world, *, by=None):
    """The checkpoint of a note, if a key of the log (or the one named) has signed it."""
    keys = [key.verifier for key in await log_keys(world.log)] if by is None else [by]
    return note.checkpoint_of(note.verified(signed.note, keys, verify_ed25519))


def rewrite(log, position):
    """Forge a record, its leaf hash and the head: nothing in the log contradicts anything."""
    forged = log._records[position - 1]._replace(data=b'{"forged":true}')
    log._records[position - 1] = forged._replace(leaf_hash=entry.leaf_hash(entry.encode(forged)))
    frontier = merkle.extend(0, (), [record.leaf_hash for record in log._records])
    log._head = log._head._replace(frontier=frontier)


def cut_off(log, size):
    """Restore the log as it was when it had so many records."""
    del log._records[size:]
    leaves = [record.leaf_hash for record in log._records]
    log._head = Head(size, log._records[-1].time, merkle.extend(0, (), leaves))


async def test_a_checkpoint_is_over_all_records_and_signed_by_the_logs_key(world, store):
    signed = await notary_of(world, store).checkpoint()
    checkpoint = await verified(signed, world)
    assert checkpoint.origin == "pki.example.test/log"
    leaves = [record.leaf_hash for record in world.log._records]
    assert (checkpoint.size, checkpoint.root) == (len(leaves), reference.root(leaves))
    assert await store.last() == signed


async def test_a_log_that_has_not_grown_keeps_its_checkpoint(world, store):
    notary = notary_of(world, store)
    first = await notary.checkpoint()
    assert await notary.checkpoint() == first
    assert await notary_of(world, store).checkpoint() == first


async def test_each_checkpoint_continues_the_one_before(world, store):
    notary, tree = notary_of(world, store), Tree(world.log)
    signed = [await notary.checkpoint()]
    for count in (1, 200, 300, 1):
        await grow(world.log, count)
        signed.append(await notary.checkpoint())
    for before, after in itertools.pairwise(signed):
        proof = await tree.consistency(before.size, after.size)
        assert verify_consistency(before.size, after.size, proof, before.root, after.root)


async def test_a_log_that_was_cut_off_or_restored_from_an_old_copy_is_not_signed(world, store):
    await grow(world.log, 5)
    signed = await notary_of(world, store).checkpoint()
    cut_off(world.log, signed.size - 2)
    with pytest.raises(Inconsistent, match=f"over {signed.size} records"):
        await notary_of(world, store).checkpoint()
    await grow(world.log, 10)
    with pytest.raises(Inconsistent, match="aren't those whose checkpoint was signed"):
        await notary_of(world, store).checkpoint()
    assert await store.last() == signed


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_rewritten_history_is_not_signed(world, store, is_restarted):
    notary = notary_of(world, store)
    signed = await notary.checkpoint()
    rewrite(world.log, 3)
    await grow(world.log)
    with pytest.raises(Inconsistent):
        await (notary_of(world, store) if is_restarted else notary).checkpoint()
    assert await store.last() == signed


async def test_a_record_that_is_not_what_was_appended_is_not_signed(world, store):
    world.log._records[4] = world.log._records[4]._replace(data=b"{}")
    with pytest.raises(Inconsistent, match="position 5"):
        await notary_of(world, store).checkpoint()
    assert await store.last() is None


async def test_a_log_without_a_key_is_not_signed(keys, store):
    world = World(await MemoryLog.open(), keys)
    await grow(world.log)
    with pytest.raises(LogKeyMissing):
        await notary_of(world, store).checkpoint()


async def test_servers_that_share_a_log_never_sign_two_roots_for_a_size(world, store, tmp_path):
    stores = [store, await SQLiteCheckpoints.open(tmp_path / "checkpoint.db")]
    notaries = [notary_of(world, each) for each in stores]
    seen = []

    async def sign(notary):
        for _ in range(15):
            seen.append(await notary.checkpoint())
            await grow(world.log)

    await asyncio.gather(*map(sign, notaries))
    roots = {}
    for signed in seen:
        assert roots.setdefault(signed.size, signed.root) == signed.root
    await stores[1].close()


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
async def test_no_checkpoint_is_seen_that_is_not_remembered(world, store, after):
    """The store fails at its first `put`; the signature that was made reaches nobody, and the next one is sound."""
    failing = Failing(store, {"put"}, 1, after=after)
    with pytest.raises(Fault):
        await notary_of(world, failing).checkpoint()
    remembered = await store.last()
    assert (remembered is not None) == after
    await grow(world.log)
    signed = await notary_of(world, store).checkpoint()
    assert (await verified(signed, world)).size == signed.size
    assert remembered is None or remembered.size < signed.size


@pytest.mark.parametrize("method", ["head", "leaf_hashes", "read_stream"])
async def test_after_any_fault_of_the_log_the_next_checkpoint_is_sound(world, store, method):
    await notary_of(world, store).checkpoint()
    await grow(world.log, 300)
    failing = Failing(world.log, {method}, 1, after=False)
    notary = Notary(failing, Tree(failing), world.keys, store)
    with pytest.raises(Fault):
        await notary.checkpoint()
    leaves = [record.leaf_hash for record in world.log._records]
    assert (await verified(await notary.checkpoint(), world)).root == reference.root(leaves)


async def test_a_rotated_key_is_learnt_from_what_the_key_before_has_signed(world, store):
    notary = notary_of(world, store)
    old = (await log_keys(world.log))[-1]
    await notary.checkpoint()
    await world.ask(RotateLogKey(), "once")
    new = (await log_keys(world.log))[-1]
    signed = await notary.checkpoint()
    for key in (old, new):
        assert (await verified(signed, world, by=key.verifier)).size >= new.position
    assert new.verifier != old.verifier
    adoption = world.log._records[new.position - 1]
    path = await Tree(world.log).inclusion(new.position, signed.size)
    leaf = entry.leaf_hash(entry.encode(adoption))
    assert verify_inclusion(new.position - 1, signed.size, leaf, path, signed.root)


async def test_only_the_newest_two_keys_sign(world, store):
    for number in range(3):
        await world.ask(RotateLogKey(), f"rotation {number}")
    keys = await log_keys(world.log)
    assert statuses(keys) == [Status.RETIRED, Status.RETIRED, Status.PREVIOUS, Status.CURRENT]
    assert [statuses(keys[:count]) for count in (0, 1)] == [[], [Status.CURRENT]]
    _, signatures = note.parts((await notary_of(world, store).checkpoint()).note)
    assert [s.key_id for s in signatures] == [keys[3].verifier.key_id, keys[2].verifier.key_id]
    assert {key.verifier.name for key in keys} == {"pki.example.test/log"}


async def test_a_log_that_lost_records_is_signed_by_a_new_key_under_a_new_origin(world, store):
    await world.ask(RotateLogKey(), "before")
    notary, old = notary_of(world, store), await log_keys(world.log)
    lost = RecordLogRestored(9, b"2" * 32, "a note", 12, "next.example.test/log", "a broken disk")
    await world.aggregates.handle(LOG_KEY, THE_LOG, always(lost), actor="alice")
    with pytest.raises(LogKeyMissing):
        await notary.checkpoint()
    await world.name_log("")
    keys = await log_keys(world.log)
    assert statuses(keys) == [Status.RETIRED, Status.RETIRED, Status.CURRENT]
    signed = await notary.checkpoint()
    text, signatures = note.parts(signed.note)
    assert [s.name for s in signatures] == [note.checkpoint_of(text).origin] == ["next.example.test/log"]
    with pytest.raises(note.NoteRefused):
        await verified(signed, world, by=old[-1].verifier)
    await world.ask(RotateLogKey(), "after")
    assert statuses(await log_keys(world.log))[2:] == [Status.PREVIOUS, Status.CURRENT]


async def test_a_rotation_that_was_asked_for_twice_happens_once(world):
    first = await world.ask(RotateLogKey(), "the same key")
    again = await world.ask(RotateLogKey(), "the same key")
    assert (first.result, len(first.events), len(again.events)) == (again.result, 1, 0)
    assert len(await log_keys(world.log)) == 2


async def test_a_log_from_before_there_were_keys_is_signed_once_it_has_one(keys, store):
    world = World(await MemoryLog.open(), keys)
    await FirstRun(world.desk, world.aggregates, world.signer, clock.now).authorities("Example")
    before = list(world.log._records)
    with pytest.raises(LogKeyMissing):
        await notary_of(world, store).checkpoint()
    await world.set_up()
    assert world.log._records[: len(before)] == before
    assert (await verified(await notary_of(world, store).checkpoint(), world)).size == len(before) + 1


async def test_the_origin_never_changes_silently(world):
    await world.name_log("")
    await world.name_log("pki.example.test/log")
    with pytest.raises(SettingsRefused, match=r"log_origin: .*pki\.example\.test/log"):
        await world.name_log("elsewhere.example.test/log")
