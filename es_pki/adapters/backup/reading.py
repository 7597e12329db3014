"""Reading a backup, front to back, once, in memory for a page of it: the contents as they lie there, hardly believed.

What is wrong with the file as such is `BackupDamaged`; what is wrong with what it says is for `verifying`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from es_pki.adapters.backup import archive, contents, sealing
from es_pki.adapters.backup.archive import Member
from es_pki.adapters.backup.contents import Format, Manifest, UpperTiles
from es_pki.adapters.backup.refusals import BackupDamaged, BackupRefused
from es_pki.adapters.keystore.master import StoreMark
from es_pki.adapters.keystore.sealed import SealedKey
from eventlog import Record, entry, note, tiles
from eventlog.merkle import HASH_SIZE
from eventlog.note import Checkpoint, NoteRefused
from eventlog.tiles import WIDTH, Tile

T = TypeVar("T")

Ask = Callable[[], str]
"""Gives the passphrase of a sealed backup; called only for one. May raise."""

_PIECE = 1 << 16


class Reading:
    """A backup that is open: manifest and checkpoint are read; then `records`, `mark` and `keys`, in this order."""

    def __init__(self, members: Iterator[Member]) -> None:
        self._members = members
        self._upper = UpperTiles()
        self.manifest = self._manifest()
        self.note = self._text(contents.CHECKPOINT)
        self.checkpoint = self._checkpoint()

    def records(self) -> Iterator[list[Record]]:
        """Yield the records, at most 256 at a time, each with the leaf hash that its tile has."""
        for tile in contents.bundles_of(self.manifest.size):
            hashes = self._take(tiles.path(tile))
            self._upper.add(hashes)
            yield _records(tile, hashes, self._take(tiles.path(tile._replace(level=None))))
        for upper, content in self._upper.tiles():
            if self._take(tiles.path(upper)) != content:
                raise BackupDamaged(f"{tiles.path(upper)} isn't what belongs above the tiles below it")

    def mark(self) -> StoreMark:
        """Return what the key store kept about its master key."""
        mark = _decoded(self._take(contents.MARK), StoreMark, contents.MARK)
        if contents.master_key_of(mark) != self.manifest.master_key:
            raise BackupDamaged("manifest and key store disagree about how the master key is given")
        return mark

    def keys(self) -> Iterator[list[SealedKey]]:
        """Yield the keys, a page at a time."""
        for number, member in enumerate(self._members):
            name = contents.keys_name(number)
            if member.name != name:
                raise BackupDamaged(f"{member.name!r:.100} stands where {name} or the end is due")
            yield [_decoded(line, SealedKey, name) for line in member.content.splitlines()]

    def _manifest(self) -> Manifest:
        content = self._take(contents.MANIFEST)
        number = _decoded(content, Format, contents.MANIFEST).format
        if number != contents.FORMAT:
            raise BackupRefused(
                f"the backup has format {number}; this release knows {contents.FORMAT}: use a newer one"
            )
        return _decoded(content, Manifest, contents.MANIFEST)

    def _checkpoint(self) -> Checkpoint:
        try:
            checkpoint = note.checkpoint_of(note.parts(self.note)[0])
        except NoteRefused as error:
            raise BackupDamaged(f"the checkpoint is none: {error}") from None
        said = self.manifest
        if checkpoint != (said.origin, said.size, said.root_hash):
            raise BackupDamaged("the manifest isn't of the log whose checkpoint is in the backup")
        return checkpoint

    def _text(self, name: str) -> str:
        try:
            return self._take(name).decode()
        except UnicodeDecodeError as error:
            raise BackupDamaged(f"{name}: {error}") from None

    def _take(self, name: str) -> bytes:
        member = next(self._members, None)
        if member is None or member.name != name:
            found = "the end" if member is None else f"{member.name!r:.100}"
            raise BackupDamaged(f"{found} stands where {name} is due")
        return member.content


@contextmanager
def reading(path: Path, ask: Ask) -> Iterator[Reading]:
    """Open a backup. Raises `BackupRefused` for what is none, or a wrong passphrase; `BackupDamaged`."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupRefused(f"{path}: can't be read: {error.strerror}") from error
    with file:
        yield Reading(archive.unpacked(_pieces(file, path, ask)))


def _pieces(file: BinaryIO, path: Path, ask: Ask) -> Iterator[bytes]:
    """Yield the archive, a piece at a time, out of its seal if it has one."""

    def read(size: int) -> bytes:
        try:
            return file.read(size)
        except OSError as error:
            raise BackupDamaged(f"{path}: can't be read: {error.strerror}") from error

    beginning = read(sealing.HEADER_SIZE)
    file.seek(0)
    if sealing.is_sealed(beginning):
        yield from sealing.opened(read, ask())
    elif archive.is_archive(beginning):
        while piece := read(_PIECE):
            yield piece
    else:
        raise BackupRefused(f"{path}: is no backup of es-pki, or its beginning was changed")


def _records(tile: Tile, hashes: bytes, bundle: bytes) -> list[Record]:
    first = tile.number * WIDTH + 1
    try:
        entries = tiles.unbundle(bundle)
    except ValueError as error:
        raise BackupDamaged(f"the records from position {first} on can't be read: {error}") from None
    if len(entries) != tile.width or len(hashes) != tile.width * HASH_SIZE:
        raise BackupDamaged(f"from position {first} on there are {len(entries)} records where {tile.width} are due")
    return [_record(first + at, each, hashes[at * HASH_SIZE :][:HASH_SIZE]) for at, each in enumerate(entries)]


def _record(position: int, stored: bytes, leaf_hash: bytes) -> Record:
    try:
        return entry.decode(position, stored)._replace(leaf_hash=leaf_hash)
    except ValueError as error:
        raise BackupDamaged(f"the record at position {position} can't be read: {error}") from None


def _decoded(content: bytes, form: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(content, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{name}: {error}") from None
