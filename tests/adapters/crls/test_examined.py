"""What the examination of a log finds in its CRLs that no rule of today lets through."""

import pytest
from msgspec.structs import replace

from es_pki.adapters import clock
from es_pki.adapters.crls import CRLPlan, Maker
from es_pki.adapters.crls.ledger import Draft
from es_pki.adapters.entropy import uuid7
from es_pki.adapters.examination import examine
from es_pki.adapters.intake.deciders import REVOCATION_LIST
from es_pki.adapters.recorded import happened
from es_pki.commands.revocation_list import list_id
from es_pki.events import codec
from es_pki.events.revocation_list import CRLIssued
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog
from tests.adapters.crls.conftest import locations


async def forged(world, *changes):
    """Copy the events of the root's list to it once more, changed, and return what is found."""
    stream = REVOCATION_LIST.stream(list_id(await world.aggregates.owner("authority_name-root"), 0))
    records = await world.log.read_stream(stream)
    events = [change(happened(record).event) for record, change in zip(records, changes, strict=False)]
    new = tuple(NewEvent(*codec.encode(event)) for event in events)
    await world.log.append([Write(stream, len(records), new)])
    return [finding.problem for finding in (await world.examine()).findings]


def numbered(number):
    return lambda event: replace(event, crl_number=number)


LATER = 9_000_000_000_000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ((numbered(LATER),), None),
        ((numbered(5),), "was prepared after"),
        ((numbered(LATER), numbered(LATER + 1)), "was signed when"),
        ((lambda event: replace(event, crl_number=LATER, base_crl_number=3),), "is the base of a delta"),
        ((numbered(LATER), numbered(LATER)), "isn't what the log says"),
    ],
    ids=["outstanding", "a number again", "another number", "an unknown base", "another signature"],
)
async def test_what_contradicts_the_log_is_found(world, changes, problem):
    found = await forged(world, *changes)
    assert bool(found) == (problem is not None)
    assert all(problem in one for one in found)


async def test_a_crl_that_leaves_a_revocation_out_is_found(world):
    aggregate_id = list_id(await world.aggregates.owner("authority_name-root"), 0)
    maker = Maker(world.aggregates, world.keys, locations, CRLPlan())
    made = await maker.prepare(aggregate_id, clock.now(), request_id="forged", actor="mallory")
    await maker.sign(aggregate_id, Draft(made.state.prepared, (b"\x30\x00",), ()), actor="mallory")
    assert ["isn't what the log says" in one.problem for one in (await world.examine()).findings] == [True]


async def issue(world, aggregate_id, draft=lambda prepared: Draft(prepared, (), ())):
    """Issue the next CRL of a list, by default one that says that nothing is revoked; return its number."""
    maker = Maker(world.aggregates, world.keys, locations, CRLPlan())
    made = await maker.prepare(aggregate_id, clock.now(), request_id=uuid7(clock.now()), actor="somebody")
    await maker.sign(aggregate_id, draft(made.state.prepared), actor="somebody")
    return made.state.prepared.crl_number


async def plant(world, stream, number, **wrong):
    """Record a CRL's signature, changed, as if it had been recorded so from the start, and go on with the log."""
    log = await MemoryLog.open()
    async for page in world.log.read_all():
        for record in page.records:
            event = happened(record).event
            if record.stream == stream and isinstance(event, CRLIssued) and event.crl_number == number:
                event = replace(event, complete=replace(event.complete, **wrong))
            new = NewEvent(*codec.encode(event))
            await log.append([Write(record.stream, record.version - 1, (new,))], metadata=record.metadata)
    return log


@pytest.mark.parametrize("wrong", ["signature", "digest", "of another CRL"])
async def test_a_wrong_signature_of_an_old_crl_is_found_and_named_whatever_came_after_it(world, wrong):
    root, other = [
        list_id(await world.aggregates.owner(f"authority_name-{name}"), 0) for name in ("root", "intermediate")
    ]
    numbers = [await issue(world, root) for _ in range(5)]
    await issue(world, other)
    assert not (await world.examine()).findings
    stream = REVOCATION_LIST.stream(root)
    signed = {happened(each).event.crl_number: happened(each) for each in await world.log.read_stream(stream)}
    was = signed[numbers[1]].event.complete
    change = {
        "signature": {"signature": was.signature[:-1] + bytes((was.signature[-1] ^ 1,))},
        "digest": {"digest": was.digest[::-1]},
        "of another CRL": {"signature": signed[numbers[2]].event.complete.signature},
    }
    log = await plant(world, stream, numbers[1], **change[wrong])
    (found,) = (await examine(log)).findings
    assert found.position == signed[numbers[1]].position
    assert found.problem == f"CRL {numbers[1]} isn't what the log says, or not its issuer's"
    await log.close()
