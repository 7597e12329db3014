"""Between the log's records and the events that projections and reactions see."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import Struct

from es_pki.events.codec import UndecodableEvent, decode, newest
from es_pki.events.happened import Happened
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from eventlog import Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Metadata(Struct, frozen=True, omit_defaults=True):
    """What is recorded with every event besides the event: who caused it, and by which command."""

    actor: str = ""
    command: str = ""


_DECODER = msgspec.json.Decoder(Metadata)
_ENCODER = msgspec.json.Encoder()


def encode_metadata(actor: str, command: str) -> bytes:
    """Return the stored form of the metadata."""
    return _ENCODER.encode(Metadata(actor, command))


@lru_cache(1_024)
def _metadata(stored: bytes) -> Metadata:
    """Return what stored metadata says: the same again and again."""
    return _DECODER.decode(stored)


@lru_cache(64)
def time_of(microseconds: int) -> datetime:
    """Return a record's time."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(time: datetime) -> int:
    """Return a time as the log counts it."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def happened(record: Record) -> Happened:
    """Return what a record says, in its newest form. Raises `UnknownEvent` and `UndecodableEvent`."""
    try:
        metadata = _metadata(record.metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UndecodableEvent(f"metadata at position {record.position}: {error}") from error
    event = decode(record.type, record.data)
    return Happened(
        record.position,
        record.stream,
        record.version,
        time_of(record.time),
        newest(record.type),
        metadata.actor,
        event,
    )


def owner_of(records: Iterable[Record]) -> str | None:
    """Return the id of the aggregate that owns what a reservation stream stands for, after these of its records."""
    owner = None
    for record in records:
        match decode(record.type, record.data):
            case NameReserved(owner=reserved_by) | SerialNumberReserved(owner=reserved_by):
                owner = reserved_by
            case NameReleased():
                owner = None
            case _:
                pass
    return owner
