"""What the examination of a log finds in its CRLs that no rule of today lets through."""

import pytest
from msgspec.structs import replace

from es_pki.adapters import clock
from es_pki.adapters.crls import CRLPlan, Maker
from es_pki.adapters.crls.ledger import Draft
from es_pki.adapters.intake.deciders import REVOCATION_LIST
from es_pki.adapters.recorded import happened
from es_pki.commands.revocation_list import list_id
from es_pki.events import codec
from eventlog import NewEvent, Write
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
