"""The log as static files: complete for a stranger, brought up to date, whole whatever stops it, and never forged."""

import functools
import http.server
import threading
import urllib.request

import pytest

from es_pki.adapters.cli.client import Unreachable
from es_pki.adapters.cli.export import NotThatLog, bring_up_to_date
from es_pki.adapters.cli.session import Misused
from eventlog import merkle, note, tiles
from eventlog.note import Checkpoint, Signature
from eventlog.tiles import Tile
from tests import auditor
from tests.eventlog import reference


class Served:
    """A log that is served: entries, and every tile made by the definition. Counts what is fetched."""

    def __init__(self, size, *, origin="log.test", salt=b""):
        self.entries = [salt + b"%d" % number for number in range(size)]
        self.origin = origin
        self.fetched = []
        self.changed = {}

    @property
    def root(self):
        return reference.root([reference.leaf_hash(entry) for entry in self.entries])

    def __call__(self, path):
        self.fetched.append(path)
        if path in self.changed:
            return self.changed[path]
        if path == "checkpoint":
            text = note.body(Checkpoint(self.origin, len(self.entries), self.root))
            return note.signed(text, [Signature(self.origin, b"keys", bytes(64))]).encode()
        tile = tiles.parse(path)
        if tile.level is None:
            return tiles.bundle(self.entries[tile.number * 256 :][: tile.width])
        nodes = b"".join(map(reference.leaf_hash, self.entries))
        for _ in range(tile.level * 8):
            nodes = merkle.pairs(nodes)
        return nodes[tile.number * 8_192 :][: tile.width * 32]


def export(folder, served):
    return bring_up_to_date(folder, served, lambda _done, _total: None)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_a_folder_has_every_file_of_the_specification(tmp_path, size):
    served = Served(size)
    assert export(tmp_path, served).size == size
    expected = {"checkpoint"}
    for tile in tiles.tiles_of(size):
        expected |= {tiles.path(tile)} | ({tiles.path(Tile(None, *tile[1:]))} if tile.level == 0 else set())
    assert files(tmp_path) == {path: served(path) for path in expected}


def test_again_only_what_is_new_is_fetched(tmp_path):
    served = Served(700)
    export(tmp_path, served)
    served.fetched.clear()
    export(tmp_path, served)
    assert served.fetched == ["checkpoint"]
    served.entries += [b"new"] * 100
    served.fetched.clear()
    export(tmp_path, served)
    assert sorted(served.fetched) == sorted(
        ["checkpoint", "tile/0/002", "tile/0/003.p/32", "tile/1/000.p/3", "tile/entries/002", "tile/entries/003.p/32"]
    )
    assert not (tmp_path / "tile/0/002.p").exists()
    assert (tmp_path / "tile/1/000.p/2").exists()


@pytest.mark.parametrize("at", range(1, 6))
def test_whatever_stops_an_export_the_next_one_goes_on(tmp_path, at):
    """The folder keeps serving its old checkpoint with all that belongs to it."""
    served = Served(300)
    export(tmp_path, served)
    old = files(tmp_path)
    served.entries += [b"new"] * 300

    def failing(path):
        if len(served.fetched) >= at:
            raise Unreachable
        return served(path)

    served.fetched.clear()
    with pytest.raises(Unreachable):
        bring_up_to_date(tmp_path, failing, lambda _done, _total: None)
    assert old.items() <= files(tmp_path).items()
    export(tmp_path, served)
    assert files(tmp_path)["checkpoint"] == served("checkpoint")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("tile/0/000", bytes(8_192)),
        ("tile/0/000", b""),
        ("tile/0/002.p/188", bytes(188 * 32)),
        ("tile/1/000.p/2", bytes(64)),
        ("tile/entries/000", tiles.bundle([b"forged"] * 256)),
        ("tile/entries/002.p/188", b"\xff"),
        ("checkpoint", b"nonsense"),
    ],
)
def test_what_does_not_add_up_is_refused_and_not_kept(tmp_path, path, content):
    served = Served(700)
    served.changed[path] = content
    with pytest.raises(NotThatLog):
        export(tmp_path, served)
    assert path not in files(tmp_path)
    assert "checkpoint" not in files(tmp_path)
    served.changed.clear()
    assert export(tmp_path, served).size == 700


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (Served(900, salt=b"rewritten"), "no longer begins with the 700 records"),
        (Served(600), "only 600"),
        (Served(900, origin="elsewhere.test"), "elsewhere.test"),
    ],
    ids=["rewritten", "cut off", "another log"],
)
def test_a_log_that_is_not_the_folders_is_refused_and_leaves_no_trace(tmp_path, other, problem):
    served = Served(700)
    export(tmp_path, served)
    before = files(tmp_path)
    with pytest.raises(NotThatLog, match=problem):
        export(tmp_path, other)
    assert files(tmp_path) == before
    served.entries += [b"new"] * 200
    assert export(tmp_path, served).size == 900


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear …")
    with pytest.raises(Misused, match="something else"):
        export(tmp_path, Served(5))
    (tmp_path / "letters.txt").rename(tmp_path / "checkpoint")
    with pytest.raises(Misused, match="no checkpoint"):
        export(tmp_path, Served(5))


def test_a_stranger_checks_an_exported_log_from_any_web_server(es_pki, tmp_path):
    outcome = es_pki("log", "export", tmp_path / "log")
    assert (outcome.status, outcome.errors) == (0, "")
    vkey = es_pki("log", "keys", "--json").json["items"][-1]["vkey"]
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "log")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()

        def fetch(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{web.server_port}/{path}") as reply:
                return reply.read()

        read = auditor.read(fetch, vkey)
        web.shutdown()
    assert f"holds the {len(read.entries)} records of {read.origin}" in outcome.text
