"""A record's canonical bytes, which the tree hashes: the format every auditor needs, fixed for ever.

    u16 length, stream (UTF-8) · u64 version · u16 length, type (UTF-8) · u64 time
    u32 length, metadata · u32 length, data

Numbers are big-endian. The position isn't in it: the tree proves it. The type carries its schema
(`certificate.issued.v1`). The leaf hash is SHA-256(0x00 || entry), RFC 6962 section 2.1.
"""

import hashlib
import struct
from functools import lru_cache

from eventlog.log import MAXIMUM_ENTRY_SIZE, MAXIMUM_NAME_SIZE, Record, TooLarge

FIXED_SIZE = 2 + 8 + 2 + 8 + 4 + 4
"""Bytes of an entry that has empty names, metadata and data."""

_LEAF = b"\0"
_sixteen = struct.Struct(">H").pack
_thirty_two = struct.Struct(">I").pack
_sixty_four = struct.Struct(">Q").pack
_parse_sixteen = struct.Struct(">H").unpack_from
_parse_thirty_two = struct.Struct(">I").unpack_from
_parse_sixty_four = struct.Struct(">Q").unpack_from
_version_and_length = struct.Struct(">QH").pack


@lru_cache(8_192)
def encode_name(name: str) -> bytes:
    """Return a stream's or type's UTF-8 form with its length before it. Raises `ValueError` for a bad name.

    NUL is refused because PostgreSQL's text cannot hold it, as are the surrogates that UTF-8 cannot.
    """
    encoded = name.encode()
    if not 0 < len(encoded) <= MAXIMUM_NAME_SIZE or b"\0" in encoded:
        raise ValueError(f"a name has 1 to {MAXIMUM_NAME_SIZE} bytes and no NUL: {name!r:.80}")
    return _sixteen(len(encoded)) + encoded


def before_time(stream: bytes, version: int, type_name: bytes) -> bytes:
    """Return what stands before the time, from the two names as `encode_name` gave them."""
    return stream + _sixty_four(version) + type_name


def after_time(metadata: bytes, data: bytes) -> bytes:
    """Return what stands after the time."""
    return _thirty_two(len(metadata)) + metadata + _thirty_two(len(data)) + data


def too_large(size: int) -> TooLarge:
    """Return the refusal of an entry that doesn't fit into a C2SP entry bundle."""
    return TooLarge(f"an entry of {size} bytes is over the maximum of {MAXIMUM_ENTRY_SIZE}")


def encode(record: Record) -> bytes:
    """Return the record's canonical entry.

    Raises `TooLarge`, and `ValueError` for what no log can have stored (a negative version, an empty name).
    """
    try:
        entry = (
            before_time(encode_name(record.stream), record.version, encode_name(record.type))
            + _sixty_four(record.time)
            + after_time(record.metadata, record.data)
        )
    except struct.error as error:
        raise ValueError(f"a number doesn't fit its field: {error}") from error
    if len(entry) > MAXIMUM_ENTRY_SIZE:
        raise too_large(len(entry))
    return entry


def decode(position: int, entry: bytes) -> Record:
    """Return the record at a position whose canonical entry this is. Raises `ValueError` for what is no entry."""
    try:
        (length,), at = _parse_sixteen(entry, 0), 2
        stream, at = entry[at : at + length].decode(), at + length
        (version,), (length,), at = _parse_sixty_four(entry, at), _parse_sixteen(entry, at + 8), at + 10
        type_, at = entry[at : at + length].decode(), at + length
        (time,), (length,), at = _parse_sixty_four(entry, at), _parse_thirty_two(entry, at + 8), at + 12
        metadata, at = entry[at : at + length], at + length
        (length,), at = _parse_thirty_two(entry, at), at + 4
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"no canonical entry: {error}") from error
    if at + length != len(entry):
        raise ValueError("no canonical entry: it doesn't end where its data does")
    return Record(position, stream, version, type_, time, metadata, entry[at:], leaf_hash(entry))


def leaf_hash(entry: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of a canonical entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def leaf_hash_at(before: bytes, time: int, after: bytes) -> bytes:
    """Return the leaf hash of an entry whose parts before and after the time were made ahead."""
    return hashlib.sha256(b"".join((_LEAF, before, _sixty_four(time), after))).digest()
