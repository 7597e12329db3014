"""Making a backup: the log up to a checkpoint that was just signed, then the keys, while the server goes on.

A key is durable before the event that names it, so the keys, which are read last, are at least those that the log up to
the checkpoint names. Every record's leaf hash is made anew: of a log that was tampered with there is no backup.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from es_pki.adapters.backup import contents
from es_pki.adapters.backup.archive import Packer
from es_pki.adapters.backup.contents import Manifest, UpperTiles
from es_pki.adapters.backup.new_file import NewFile
from es_pki.adapters.backup.refusals import BackupRefused
from es_pki.adapters.backup.sealing import Sealer
from es_pki.adapters.checkpoints import Signed
from es_pki.adapters.keystore.sealed import SealedKey, SealedKeys
from eventlog import Damaged, Log, entry, note, tiles
from eventlog.tiles import WIDTH
from eventlog.tree import entries

Heard = Callable[[int, int], None]
"""Hears how far a long work has come: positions done, and in all."""


class Sources(Struct, frozen=True):
    """What is backed up: a log, up to a checkpoint of it, and the keys."""

    log: Log
    keys: SealedKeys
    checkpoint: Signed


class Made(Struct, frozen=True):
    """A backup that was made: the file, its bytes, and the checkpoint's size and origin."""

    file: str
    bytes: int
    origin: str
    size: int


async def create(
    path: Path, sources: Sources, now: datetime, passphrase: str | None, heard: Heard = lambda _done, _total: None
) -> Made:
    """Write a new file, sealed if there is a passphrase. What takes long runs in a thread.

    Raises `BackupRefused`, `LogError` (`Damaged` for a record that isn't what was appended) and `OSError`.
    """
    with NewFile(path) as file:
        packer, end = await asyncio.to_thread(_packer, file, passphrase)
        manifest = await _manifest(sources, now)
        packer.add(contents.MANIFEST, contents.in_json(manifest))
        packer.add(contents.CHECKPOINT, sources.checkpoint.note.encode())
        await _pack_log(packer, sources, heard)
        await _pack_keys(packer, sources.keys)
        packer.end()
        end()
        size = await asyncio.to_thread(file.finish)
    return Made(str(path), size, manifest.origin, manifest.size)


def _packer(file: NewFile, passphrase: str | None) -> tuple[Packer, Callable[[], None]]:
    """Return what packs into the file, and what is to be done when everything is packed."""
    if passphrase is None:
        return Packer(file.write), lambda: None
    sealer = Sealer(file.write, passphrase)
    return Packer(sealer.write), sealer.end


async def _manifest(sources: Sources, now: datetime) -> Manifest:
    signed, mark = sources.checkpoint, await sources.keys.mark()
    if mark is None:
        raise BackupRefused("there is no key store: nothing that was set up is here")
    return Manifest(
        format=contents.FORMAT,
        release=version("es-pki"),
        created=now,
        origin=note.checkpoint_of(note.parts(signed.note)[0]).origin,
        size=signed.size,
        root_hash=signed.root,
        master_key=contents.master_key_of(mark),
    )


async def _pack_log(packer: Packer, sources: Sources, heard: Heard) -> None:
    log, size, upper = sources.log, sources.checkpoint.size, UpperTiles()
    for tile in contents.bundles_of(size):
        start = tile.number * WIDTH
        hashes = await log.leaf_hashes(start, start + tile.width)
        bundle = await entries(log, tile.number, tile.width)
        _check(start, bundle, hashes)
        upper.add(hashes)
        await asyncio.to_thread(packer.add, tiles.path(tile), hashes)
        await asyncio.to_thread(packer.add, tiles.path(tile._replace(level=None)), bundle)
        heard(start + tile.width, size)
    for tile, content in upper.tiles():
        packer.add(tiles.path(tile), content)


def _check(start: int, bundle: bytes, hashes: bytes) -> None:
    """Raise `Damaged` unless the entries are what the leaf hashes were made of."""
    leaves = [entry.leaf_hash(each) for each in tiles.unbundle(bundle)]
    for number, leaf in enumerate(leaves):
        if leaf != hashes[number * len(leaf) : (number + 1) * len(leaf)]:
            problem = f"the record at position {start + number + 1} isn't what its leaf hash was made of"
            raise Damaged(f"{problem}: es-pki log verify says more")


async def _pack_keys(packer: Packer, keys: SealedKeys) -> None:
    mark = await keys.mark()
    if mark is None:
        raise BackupRefused("the key store has gone")
    packer.add(contents.MARK, contents.in_json(mark))
    number = 0
    async for page in keys.read():
        await asyncio.to_thread(packer.add, contents.keys_name(number), _lines(page))
        number += 1
    if await keys.mark() != mark:
        raise BackupRefused("the master key was changed while the backup was made: make it once more")


def _lines(page: Sequence[SealedKey]) -> bytes:
    return b"".join(msgspec.json.encode(key) + b"\n" for key in page)
