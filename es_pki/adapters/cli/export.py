"""The log as a folder of files that any web server can serve (C2SP tlog-tiles), brought up to date piece by piece.

Nothing is believed: entries must hash to their tiles, tiles to those above, all of them to the checkpoint, and the
tree must continue the checkpoint that the folder had before. The new checkpoint is written last, so that a folder
always holds everything that its checkpoint needs; whatever stops an export, the next one goes on.
"""

from collections.abc import Callable
from pathlib import Path

from es_pki.adapters import whole_file
from es_pki.adapters.cli.session import Misused
from eventlog import entry, note, tiles
from eventlog.merkle import HASH_SIZE
from eventlog.note import Checkpoint
from eventlog.proof import Node
from eventlog.tiles import HEIGHT, WIDTH, Tile, TiledTree

CHECKPOINT = "checkpoint"
OURS = ("tile", CHECKPOINT)

Fetch = Callable[[str], bytes]
Heard = Callable[[int, int], None]


class NotThatLog(Exception):
    """What the server sends doesn't add up, or isn't the log that the folder holds. The message says what."""


def bring_up_to_date(folder: Path, fetch: Fetch, heard: Heard) -> Checkpoint:
    """Fetch what the folder lacks and return its new checkpoint. `fetch` takes a path of tlog-tiles.

    Raises `NotThatLog`, after which nothing of what the server sent wrongly is in the folder; `Misused` for a folder
    that holds anything else or can't be written; and what `fetch` raises.
    """
    before = _exported(folder)
    content = fetch(CHECKPOINT)
    after = _read(content, "what the server calls its checkpoint is none", NotThatLog)
    try:
        export = _Export(folder, after, fetch)
        export.check(before)
        export.bring(heard)
        whole_file.write(folder / CHECKPOINT, content)
        _tidy(folder)
    except OSError as error:
        raise Misused(f"{folder}: can't be used: {error.strerror}") from error
    return after


class _Export:
    """One bringing up to date: first `check`, then `bring`."""

    def __init__(self, folder: Path, checkpoint: Checkpoint, fetch: Fetch) -> None:
        self._folder = folder
        self._checkpoint = checkpoint
        self._fetch = fetch
        self._tree = TiledTree(checkpoint.size, self._content)
        self._seen: dict[Tile, bytes] = {}

    def check(self, before: Checkpoint | None) -> None:
        """Require that the tiles make up the checkpoint's tree, and that it continues the one before.

        The tree's right edge says the first; it has all partial tiles in it, and the roots of everything else.
        """
        after = self._checkpoint
        if before is not None and before.origin != after.origin:
            raise NotThatLog(f"the folder holds the log {before.origin}, the server is {after.origin}")
        if before is not None and before.size > after.size:
            raise NotThatLog(f"the folder holds {before.size} records, the server only {after.size}: its end is gone")
        if self._tree.root(after.size) != after.root:
            raise NotThatLog("the tiles don't add up to the server's checkpoint")
        if before is not None and self._tree.root(before.size) != before.root:
            problem = f"the log no longer begins with the {before.size} records of the folder: history was rewritten"
            raise NotThatLog(problem)

    def bring(self, heard: Heard) -> None:
        """Fetch every file that isn't there, from the top of the tree down."""
        wanted = list(tiles.tiles_of(self._checkpoint.size))
        wanted += [tile._replace(level=None) for tile in wanted if tile.level == 0]
        for done, tile in enumerate(wanted, 1):
            file = self._file(tile)
            if not file.exists():
                content = self._seen.get(tile) or self._fetch(tiles.path(tile))
                if not (self._is_bundle(tile, content) if tile.level is None else self._is_tile(tile, content)):
                    raise NotThatLog(f"{tiles.path(tile)} isn't what belongs there by the tiles above it")
                file.parent.mkdir(parents=True, exist_ok=True)
                whole_file.write(file, content)
            heard(done, len(wanted))

    def _file(self, tile: Tile) -> Path:
        return self._folder / tiles.path(tile)

    def _content(self, tile: Tile) -> bytes:
        """Return a tile from the folder, else from the server."""
        file = self._file(tile)
        content = file.read_bytes() if file.exists() else self._fetch(tiles.path(tile))
        self._seen[tile] = content
        return content

    def _is_tile(self, tile: Tile, content: bytes) -> bool:
        """Tell whether a tile is the one that was checked or, if it is full, has the root that stands above it."""
        if tile.width < WIDTH:
            return content == self._seen.get(tile)
        above = self._tree.node(Node((tile.level or 0) * HEIGHT + HEIGHT, tile.number))
        return len(content) == WIDTH * HASH_SIZE and tiles.levels_above(content)[HEIGHT] == above

    def _is_bundle(self, bundle: Tile, content: bytes) -> bool:
        """Tell whether the entries are those whose hashes stand in the tile of level 0."""
        try:
            leaves = [entry.leaf_hash(each) for each in tiles.unbundle(content)]
        except ValueError:
            return False
        return b"".join(leaves) == self._file(bundle._replace(level=0)).read_bytes()


def _tidy(folder: Path) -> None:
    """Remove partial tiles in whose place there are full ones."""
    for partial in sorted((folder / "tile").rglob("*.p")):
        if partial.with_suffix("").exists():
            for file in partial.iterdir():
                file.unlink()
            partial.rmdir()


def _exported(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of a folder, None for a new one. Raises `Misused`."""
    file = folder / CHECKPOINT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes() if file.exists() else None
        is_foreign = content is None and any(not each.name.startswith(OURS) for each in folder.iterdir())
    except OSError as error:
        raise Misused(f"{folder}: can't be used: {error.strerror}") from error
    if is_foreign:
        raise Misused(f"{folder}: holds something else than a log; name a new folder")
    return None if content is None else _read(content, f"{file}: no checkpoint", Misused)


def _read(content: bytes, otherwise: str, refusal: type[Exception]) -> Checkpoint:
    try:
        return note.checkpoint_of(note.parts(content.decode())[0])
    except ValueError as error:
        raise refusal(f"{otherwise}: {error}") from error
