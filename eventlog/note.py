"""Texts of transparency logs: C2SP signed-note, tlog-checkpoint and tlog-proof. Pure.

A note is a text that ends in a newline, an empty line, and a line for each signature:

    — <key name> <base64 of 4 bytes of key id and the signature>

A checkpoint is a note whose text is `origin`, `size` and base64 of the root hash, a line each. Signatures are made
elsewhere, and verified by a function that the caller has: only Ed25519 (signature type 0x01) is known here by name.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from eventlog.merkle import HASH_SIZE

ED25519 = b"\1"
"""The signature type that stands before a public key."""

PUBLIC_KEY_SIZE = 32
KEY_ID_SIZE = 4
MAXIMUM_SIGNATURES = 16
"""What every verifier accepts; more are refused."""

LONGEST_NAME = 200
PROOF_MARK = "c2sp.org/tlog-proof@v1"

Verify = Callable[[bytes, bytes, bytes], bool]
"""Tells whether a public key's signature over a text holds: called with the key, the text and the signature."""


class NoteRefused(ValueError):
    """The text is no note, checkpoint or verifier key, or no key that is known has signed it. The message says why."""


class VerifierKey(NamedTuple):
    """A public key under which a name signs: what has to be known to trust its notes. Ed25519, 32 bytes."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Return the key's 4-byte id: it finds a signature, it doesn't prove anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_SIZE]

    def __str__(self) -> str:
        """Return the vkey: `name+hex of the id+base64 of type and key`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public_key).decode()}"


class Signature(NamedTuple):
    """A signature line's content."""

    name: str
    key_id: bytes
    signature: bytes


class Checkpoint(NamedTuple):
    """What a log commits itself to: the root of its first `size` records' tree."""

    origin: str
    size: int
    root: bytes


def name_fault(name: str) -> str | None:
    """Return what keeps a name from being an origin and a key's name, None if nothing does."""
    if not name:
        return "it is empty"
    if len(name) > LONGEST_NAME:
        return f"it has more than {LONGEST_NAME} characters"
    if "+" in name or any(character.isspace() or not character.isprintable() for character in name):
        return "it has a space, a plus or a control character in it"
    return None


def verifier_key(vkey: str) -> VerifierKey:
    """Return the key that a vkey describes. Raises `NoteRefused`."""
    name, _, rest = vkey.strip().partition("+")
    hex_id, _, encoded = rest.partition("+")
    typed = _decoded(encoded)
    if name_fault(name) or typed[:1] != ED25519 or len(typed) != 1 + PUBLIC_KEY_SIZE:
        raise NoteRefused("an Ed25519 verifier key is NAME+ID+KEY, as log.example.com+1a2b3c4d+AV…")
    key = VerifierKey(name, typed[1:])
    if key.key_id.hex() != hex_id:
        raise NoteRefused("the verifier key's id isn't the one of its name and key")
    return key


def body(checkpoint: Checkpoint) -> str:
    """Return the text that is signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{b64encode(checkpoint.root).decode()}\n"


def signed(text: str, signatures: Iterable[Signature]) -> str:
    """Return the text as a note."""
    lines = (f"— {s.name} {b64encode(s.key_id + s.signature).decode()}\n" for s in signatures)
    return f"{text}\n{''.join(lines)}"


def parts(note: str) -> tuple[str, list[Signature]]:
    """Return a note's text and signatures, believing none of them. Raises `NoteRefused`."""
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise NoteRefused("a note is a text, an empty line and lines of signatures")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MAXIMUM_SIGNATURES:
        raise NoteRefused(f"more than {MAXIMUM_SIGNATURES} signatures")
    return text + "\n", signatures


def checkpoint_of(text: str) -> Checkpoint:
    """Return the checkpoint of a note's text; what stands in lines behind the root is passed over.

    Raises `NoteRefused`.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NoteRefused("a checkpoint has an origin, a size and a root hash, a line each")
    origin, size, root = lines[0], lines[1], _decoded(lines[2])
    if not size.isascii() or not size.isdigit() or str(int(size[:20])) != size:
        raise NoteRefused("a checkpoint's size is a decimal number")
    if len(root) != HASH_SIZE:
        raise NoteRefused("a checkpoint's root hash is base64 of 32 bytes")
    return Checkpoint(origin, int(size), root)


def verified(note: str, keys: Sequence[VerifierKey], verify: Verify) -> str:
    """Return the text of a note that at least one of the keys has signed, and none wrongly. Raises `NoteRefused`."""
    text, signatures = parts(note)
    by = {(key.name, key.key_id): key for key in keys}
    known = [(by[s.name, s.key_id], s.signature) for s in signatures if (s.name, s.key_id) in by]
    if not known:
        raise NoteRefused("none of the keys that are known has signed it")
    for key, signature in known:
        if not verify(key.public_key, text.encode(), signature):
            raise NoteRefused(f"the signature of {key.name} with the key {key.key_id.hex()} does not hold")
    return text


def inclusion_text(index: int, hashes: Iterable[bytes], checkpoint: str) -> str:
    """Return a tlog-proof: that the leaf at an index, counted from 0, is in the tree of a checkpoint (a note)."""
    lines = [PROOF_MARK, f"index {index}", *(b64encode(each).decode() for each in hashes), "", checkpoint]
    return "\n".join(lines)


def _signature(line: str) -> Signature:
    mark, name, encoded = [*line.split(" "), "", ""][:3]
    content = _decoded(encoded)
    if mark != "—" or line.count(" ") != 2 or name_fault(name) or len(content) <= KEY_ID_SIZE:
        raise NoteRefused("a signature line is: — NAME BASE64")
    return Signature(name, content[:KEY_ID_SIZE], content[KEY_ID_SIZE:])


def _decoded(encoded: str) -> bytes:
    """Return the bytes of base64, none for what is no canonical base64."""
    try:
        decoded = b64decode(encoded, validate=True)
    except (Error, ValueError):
        return b""
    return decoded if b64encode(decoded).decode() == encoded else b""
