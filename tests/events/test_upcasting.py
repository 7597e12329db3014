"""An event whose meaning changed: what was stored before is read in the newest form, and stays in the log as it is.

The steps of a maintainer, on an invented need. `certificate.signing_failed.v1` gives a free text as the reason; suppose
that a later release (v2) splits off a cause that programs understand, and one after it (v3) names the certificate's
version `of_version`:

1. The event class gets its new form, and its line in `EVENT_TYPES` the new name. Nothing else is written from now on.
2. Each old name gets a line in `UPCASTS`: the next name, and a pure function from one JSON object to the other.
3. The old golden file stays, and `SAMPLES` in test_codec.py says which event it is read as; the new name gets its own.
4. A view whose rows look different afterwards gets the next VERSION.
"""

import importlib.util

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from es_pki.adapters.http import events
from es_pki.adapters.recorded import encode_metadata, happened
from es_pki.commands import reactions
from es_pki.events import codec
from es_pki.events.certificate import SigningFailed
from es_pki.events.codec import UndecodableEvent, UnknownEvent, Upcast, Vocabulary
from es_pki.projections import history, inventory
from eventlog import NewEvent, Write
from eventlog.memory import MemoryLog

V1, V2, V3 = (f"certificate.signing_failed.v{number}" for number in (1, 2, 3))


class FailedForACause(Struct, frozen=True):
    """The newest form."""

    of_version: int
    cause: str
    detail: str = ""


def with_cause(old):
    """Return v2 of v1."""
    cause = "expired" if "expired" in old["reason"] else "other"
    return {"version": old["version"], "cause": cause, "detail": old["reason"]}


def of_version(old):
    """Return v3 of v2."""
    return {"of_version": old.pop("version"), **old}


UPCASTS = {V1: Upcast(V2, with_cause), V2: Upcast(V3, of_version)}
FAILURES = Vocabulary({V3: FailedForACause}, UPCASTS)


def test_every_stored_form_is_read_as_the_newest():
    newest = FailedForACause(3, "expired", "it would have expired")
    assert FAILURES.decode(V1, b'{"version":3,"reason":"it would have expired"}') == newest
    assert FAILURES.decode(V2, b'{"version":3,"cause":"expired","detail":"it would have expired"}') == newest
    assert FAILURES.decode(*FAILURES.encode(newest)) == newest
    assert FAILURES.encode(newest)[0] == V3
    assert {FAILURES.newest(name) for name in (V1, V2, V3)} == {V3}


def test_a_newest_type_stands_for_its_old_names_and_an_old_one_for_itself():
    assert FAILURES.stored_types(V3) == FAILURES.stored_types_of(FailedForACause) == {V1, V2, V3}
    assert FAILURES.stored_types(V1) == {V1}
    assert FAILURES.stored_types() == frozenset()


@pytest.mark.parametrize("ask", [FAILURES.newest, FAILURES.stored_types, lambda name: FAILURES.decode(name, b"{}")])
def test_an_unknown_type_is_said_by_whatever_is_asked(ask):
    with pytest.raises(UnknownEvent):
        ask("certificate.signing_failed.v4")


@given(st.sampled_from([V1, V2]), st.one_of(st.binary(max_size=60), st.just(b'{"version":{},"reason":5}')))
def test_no_bytes_break_an_upcast_in_another_way(name, data):
    with pytest.raises(UndecodableEvent):
        FAILURES.decode(name, data)


@pytest.mark.parametrize(
    "upcasts",
    [
        {V1: Upcast(V2, with_cause)},
        {V1: Upcast(V2, with_cause), V2: Upcast(V1, of_version)},
        {V3: Upcast(V3, of_version)},
    ],
    ids=["to nothing", "in a circle", "of what is still written"],
)
def test_an_upcast_leads_to_an_event(upcasts):
    with pytest.raises(ValueError, match=r"certificate\.signing_failed"):
        Vocabulary({V3: FailedForACause}, upcasts)


OLDER = "certificate.signing_failed.v0"


@pytest.fixture
def renamed(monkeypatch):
    """A release before this one said `why` instead of `reason`."""
    upcasts = {OLDER: Upcast(V1, lambda old: {"version": old["version"], "reason": old["why"]})}
    monkeypatch.setattr(codec, "VOCABULARY", Vocabulary(codec.EVENT_TYPES, upcasts))


async def test_views_and_reactions_see_old_records_and_the_log_keeps_their_bytes(renamed):
    log = await MemoryLog.open()
    data = b'{"version":1,"why":"the key is gone"}'
    await log.append([Write("certificate-x", 0, (NewEvent(OLDER, data),))], metadata=encode_metadata("a", "C"))
    (page,) = [page async for page in log.read_all(types=inventory.view.types)]
    (record,) = page.records
    assert (record.type, record.data) == (OLDER, data)
    seen = happened(record)
    assert (seen.type, seen.event) == (V1, SigningFailed(1, "the key is gone"))
    row = history.evolve(None, seen)
    assert (row.type, row.summary) == (V1, "the key is gone")
    assert OLDER in reacted_to()


def test_the_audit_trail_of_a_type_holds_what_was_stored_under_its_old_names(renamed):
    for asked, meant in ((V1, {V1, OLDER}), (OLDER, {OLDER})):
        assert events.types_of(make_mocked_request("GET", f"/api/v1/events?type={asked}")) == meant


def reacted_to():
    """Return what the reactions look at, as it is when they are loaded now."""
    spec = importlib.util.spec_from_file_location("reactions_again", reactions.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.REACTED_TO


async def test_an_unknown_type_stops_the_reader():
    log = await MemoryLog.open()
    await log.append([Write("certificate-x", 0, (NewEvent("certificate.signing_failed.v9", b"{}"),))])
    (page,) = [page async for page in log.read_all()]
    with pytest.raises(UnknownEvent):
        happened(page.records[0])
