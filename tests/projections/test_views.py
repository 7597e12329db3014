"""What holds of every view: evolve is total, deterministic, and streams that touch different rows commute."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.events import codec
from es_pki.events.happened import Happened
from es_pki.projections import VIEWS
from tests.builders import NOW
from tests.events.strategies import EVENTS
from tests.projections.histories import history

by_name = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def happened(event, position=1, stream="certificate-1"):
    return Happened(position, stream, position, NOW, codec.encode(event)[0], "alice", event)


@by_name
@given(events=st.lists(EVENTS, max_size=6))
def test_evolve_is_total_and_its_rows_can_be_stored(view, events):
    """Whatever is recorded in whatever order, a view shows something and never fails."""
    row = None
    for position, event in enumerate(events, 1):
        recorded = happened(event, position)
        if type(event) in view.events:
            assert view.key(recorded)
            row = view.evolve(row, recorded)
            if row is not None:
                assert msgspec.json.decode(msgspec.json.encode(row), type=view.row) == row


@by_name
def test_the_fields_of_queries_are_fields_of_the_row(view):
    fields = set(view.row.__struct_fields__)
    assert {view.order_by, *view.filters, *view.moments} <= fields
    assert set(view.lookups) <= set(view.filters)


@by_name
@pytest.mark.parametrize("seed", range(5))
def test_streams_commute(view, seed):
    """Rows don't depend on how different aggregates' events were interleaved."""
    recorded = [happened(event, n, stream) for n, (stream, event) in enumerate(history(seed=seed, size=150), 1)]
    by_stream = sorted(recorded, key=lambda one: one.stream)
    assert folded(view, recorded) == folded(view, by_stream)


def folded(view, recorded):
    rows = {}
    for one in recorded:
        if type(one.event) in view.events:
            rows[view.key(one)] = view.evolve(rows.get(view.key(one)), one)
    return rows


def test_every_event_is_shown_by_a_view_or_reserves_something():
    shown = {event for view in VIEWS for event in view.events}
    silent = {name for name, event in codec.EVENT_TYPES.items() if event not in shown}
    assert silent == {name for name in codec.EVENT_TYPES if name.startswith("reservation.")}
