"""A stranger's reader of a tiled log: written from the C2SP specifications alone, it uses nothing of es-pki."""

import base64
import hashlib
import struct
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.eventlog import reference


class Read(NamedTuple):
    """What the reader made of a log: its origin, and the entries, in order."""

    origin: str
    entries: list[bytes]


def opened(note: str, vkey: str) -> str:
    """Return the text of a note, once the key's signature held. Raises `InvalidSignature` and `LookupError`."""
    name, key_id, key = vkey.split("+", 2)
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        dash, signer, signature = line.split(" ")
        content = base64.b64decode(signature)
        if (dash, signer, content[:4].hex()) == ("—", name, key_id):
            public = base64.b64decode(key)
            assert hashlib.sha256(f"{name}\n".encode() + public).digest()[:4].hex() == key_id
            assert public[:1] == b"\1"
            Ed25519PublicKey.from_public_bytes(public[1:]).verify(content[4:], (text + "\n").encode())
            return text + "\n"
    raise LookupError("the key has not signed this note")


def path_of(level: object, number: int, width: int) -> str:
    """Return a tile's path."""
    digits = f"{number:0{-(-len(str(number)) // 3) * 3}}"
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = f"tile/{level}/{'/'.join(['x' + group for group in groups[:-1]] + groups[-1:])}"
    return path if width == 256 else f"{path}.p/{width}"


def read(fetch: Callable[[str], bytes], vkey: str) -> Read:
    """Read and check everything: signature, root, every tile of every level, every entry. `fetch` gets a path."""
    origin, size, root, end = opened(fetch("checkpoint").decode(), vkey).split("\n")
    assert end == ""
    leaves, entries = [], []
    for number in range(-(-int(size) // 256)):
        width = min(int(size) - number * 256, 256)
        bundle, hashes = fetch(path_of("entries", number, width)), fetch(path_of(0, number, width))
        found = _unbundled(bundle)
        assert len(found) == width
        leaves += [reference.leaf_hash(entry) for entry in found]
        assert b"".join(leaves[-width:]) == hashes
        entries += found
    assert reference.root(leaves) == base64.b64decode(root)
    _check_upper_tiles(fetch, leaves)
    return Read(origin, entries)


def _check_upper_tiles(fetch: Callable[[str], bytes], leaves: list[bytes]) -> None:
    level, below = 1, leaves
    while len(below) >= 256:
        below = [reference.root(below[at : at + 256]) for at in range(0, len(below) // 256 * 256, 256)]
        for number in range(-(-len(below) // 256)):
            hashes = below[number * 256 : number * 256 + 256]
            assert fetch(path_of(level, number, len(hashes))) == b"".join(hashes)
        level += 1


def _unbundled(bundle: bytes) -> list[bytes]:
    entries = []
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries
