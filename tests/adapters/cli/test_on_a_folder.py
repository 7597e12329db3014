"""The works on a data folder that nobody serves, stopped in the middle."""

import pytest

from es_pki.__main__ import LocalWork
from es_pki.adapters.cli.local import Replay
from es_pki.config import Settings
from es_pki.projections import VIEWS


class Stop(Exception):
    """What ends a work early."""


def stop(_what, done, _total):
    if done:
        raise Stop


@pytest.fixture
def new_folder(bare, tmp_path):
    """The settings of a folder that was set up and never served."""
    assert bare("--data-dir", tmp_path / "new", "init").status == 0
    return Settings(data_dir=str(tmp_path / "new"))


def test_a_rebuild_that_was_stopped_is_seen_and_gone_on_with(new_folder, bare):
    local = LocalWork()
    assert {state.state for state in local.view_states(new_folder)} == {"absent"}
    with pytest.raises(Stop):
        local.rebuild_views(new_folder, ["inventory"], stop)
    states = {state.name: state for state in local.view_states(new_folder)}
    size = states["inventory"].log_size
    assert (states["inventory"].state, states["inventory"].building) == ("building", size)
    heard = []
    local.rebuild_views(new_folder, [], lambda *told: heard.append(told))
    assert ("inventory", size, size) in heard
    assert ("inventory", 0, size) not in heard
    listed = bare("views", "list", "--data-dir", new_folder.data_dir).text
    assert (listed.count("live"), listed.count("building")) == (len(VIEWS), 0)


@pytest.mark.parametrize("to", [None, "3"])
def test_a_replay_that_was_stopped_goes_on(new_folder, bare, to):
    with pytest.raises(Stop):
        LocalWork().replay_view(new_folder, Replay("authorities", to), stop, lambda _row: None)
    (left,) = new_folder.folder.glob("replay-authorities-*.db")
    heard, rows = [], []
    position = LocalWork().replay_view(
        new_folder, Replay("authorities", to), lambda *told: heard.append(told), rows.append
    )
    assert heard[0] == ("authorities", position, position)
    assert [row["name"] for row in rows] == (["intermediate", "root"] if to is None else ["root"])
    assert not left.exists()
