"""What a commit decides, whatever the store: which appends of a batch go in, and as which records. Pure."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from eventlog import entry, merkle
from eventlog.log import MAXIMUM_ENTRY_SIZE, Conflict, Head, Record, Write

EMPTY_HEAD = Head(0, 0, ())
"""The head of a log without records."""


class Draft(NamedTuple):
    """An event whose place in its stream is claimed; the log's position and time are still open."""

    stream: str
    version: int
    type: str
    metadata: bytes
    data: bytes
    before_time: bytes
    after_time: bytes


class Request(NamedTuple):
    """One `append` that waits for its commit. `size`: about the bytes that it stores."""

    writes: Sequence[Write]
    drafts: list[Draft]
    size: int
    answer: asyncio.Future[tuple[int, ...]]


class Plan(NamedTuple):
    """What becomes of a batch.

    `accepted` has each request's first position. `deferred` requests can't be judged in this batch. `versions`:
    every named stream afterwards. `assumed`: the streams whose version before is only what the first to name
    them expected; the store has to confirm it.
    """

    records: list[Record]
    head: Head
    accepted: list[tuple[Request, int]]
    refused: list[tuple[Request, Conflict]]
    deferred: list[Request]
    versions: dict[str, int]
    assumed: dict[str, int]


def prepare(writes: Sequence[Write], metadata: bytes, answer: asyncio.Future[tuple[int, ...]]) -> Request:
    """Check an append's form and do the work that needs no lock. Raises `TooLarge` and `ValueError`."""
    drafts = []
    size = 0
    for name, expected, events in writes:
        stream = entry.encode_name(name)
        if expected < 0:
            raise ValueError(f"version {expected} of stream {name!r} cannot exist")
        for version, (type_, data) in enumerate(events, expected + 1):
            before = entry.before_time(stream, version, entry.encode_name(type_))
            after = entry.after_time(metadata, data)
            length = len(before) + 8 + len(after)
            if length > MAXIMUM_ENTRY_SIZE:
                raise entry.too_large(length)
            drafts.append(Draft(name, version, type_, metadata, data, before, after))
            size += length
    if not drafts:
        raise ValueError("an append has at least one event")
    if len(writes) > 1 and len({write.stream for write in writes}) < len(writes):
        raise ValueError("an append names a stream only once")
    return Request(writes, drafts, size, answer)


def plan(requests: Sequence[Request], head: Head, now: int, version_of: Callable[[str], int | None]) -> Plan:
    """Decide about requests in their order, as if each were committed before the next.

    `version_of` knows a stream's version (0: no events), or None: then the first to name it is believed, and a
    request that contradicts is deferred.
    """
    outcome = Plan([], head, [], [], [], {}, {})
    time = max(now, head.time)
    leaves: list[bytes] = []
    for request in requests:
        contradicted = _contradicted(request, outcome, version_of)
        if contradicted is None:
            outcome.accepted.append((request, head.size + len(leaves) + 1))
            _add(request, outcome, time, leaves, head.size)
        elif contradicted.stream in outcome.assumed:
            outcome.deferred.append(request)
        else:
            actual = outcome.versions[contradicted.stream]
            conflict = Conflict(contradicted.stream, contradicted.expected_version, actual)
            outcome.refused.append((request, conflict))
    if not leaves:
        return outcome
    frontier = merkle.extend(head.size, head.frontier, leaves)
    return outcome._replace(head=Head(head.size + len(leaves), time, frontier))


def _contradicted(request: Request, outcome: Plan, version_of: Callable[[str], int | None]) -> Write | None:
    """Return the first write whose expectation the batch so far, or the store, contradicts."""
    versions = outcome.versions
    for write in request.writes:
        stream = write.stream
        version = versions.get(stream)
        if version is None:
            version = version_of(stream)
            if version is None:
                version = outcome.assumed[stream] = write.expected_version
            versions[stream] = version
        if version != write.expected_version:
            return write
    return None


def _add(request: Request, outcome: Plan, time: int, leaves: list[bytes], size: int) -> None:
    for stream, version, type_, metadata, data, before, after in request.drafts:
        leaf = entry.leaf_hash_at(before, time, after)
        leaves.append(leaf)
        position = size + len(leaves)
        outcome.records.append(Record(position, stream, version, type_, time, metadata, data, leaf))
        outcome.versions[stream] = version


def answer(outcome: Plan) -> None:
    """Tell the waiting appends what became of them, those that were cancelled aside."""
    for request, first in outcome.accepted:
        if not request.answer.done():
            request.answer.set_result(tuple(range(first, first + len(request.drafts))))
    for request, conflict in outcome.refused:
        if not request.answer.done():
            request.answer.set_exception(conflict)
