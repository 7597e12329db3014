"""Rows as they are shown."""

import msgspec
import pytest

from es_pki.__main__ import SHOWN
from es_pki.adapters.http.replies import row_object
from es_pki.projections import VIEWS
from tests.projections.histories import history
from tests.projections.test_views import folded, happened


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_row_of_every_view_can_be_shown(view):
    recorded = [happened(event, n, stream) for n, (stream, event) in enumerate(history(seed=1, size=1_000), 1)]
    rows = [row for row in folded(view, recorded).values() if row is not None]
    assert rows
    for row in rows:
        assert msgspec.json.encode(SHOWN.get(view.name, row_object)(row))
