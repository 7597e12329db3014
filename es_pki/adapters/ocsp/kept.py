"""Answers that are given again and again, in memory: those about one certificate, without a nonce."""

from collections import OrderedDict
from datetime import datetime

from msgspec import Struct

LARGEST = 64 * 1024 * 1024
"""Octets of all of them together: 60,000 answers of an EC authority, 4,000 of an ML-DSA-87 one."""

OVERHEAD = 400
"""Octets that an answer takes besides itself, about."""


class Answer(Struct, frozen=True):
    """A response in DER, and what it says, for the metrics: a status for each certificate, or why there is none.

    `fresh_until`: until then it may be given again, by us and by caches; None: to nobody else, and never again.
    `etag` is what it is known by then (RFC 5019 section 6.2), without quotes.
    """

    body: bytes
    says: tuple[str, ...]
    this_update: datetime | None = None
    next_update: datetime | None = None
    fresh_until: datetime | None = None
    etag: str = ""


Key = tuple[str, bytes]
"""An authority's id and the DER CertID."""


class KeptAnswers:
    """The answers used last. They are forgotten by the certificate's aggregate, at once when anything happens to it."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._answers: OrderedDict[Key, tuple[str, Answer]] = OrderedDict()
        self._by_owner: dict[str, set[Key]] = {}
        self._largest = largest
        self._size = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._answers)

    def get(self, key: Key, now: datetime) -> Answer | None:
        """Return the answer while it is fresh: made before now, though the clock may have been set back."""
        found = self._answers.get(key)
        if found is None:
            return None
        _, answer = found
        if (
            answer.this_update is None
            or answer.fresh_until is None
            or not answer.this_update <= now < answer.fresh_until
        ):
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def put(self, key: Key, owner: str, answer: Answer) -> None:
        """Keep an answer; the least recently used ones make room for it."""
        self._drop(key)
        self._answers[key] = owner, answer
        self._by_owner.setdefault(owner, set()).add(key)
        self._size += _size(key, answer)
        while self._size > self._largest:
            self._drop(next(iter(self._answers)))

    def forget(self, owner: str) -> None:
        """Drop what is about certificates of an aggregate."""
        for key in tuple(self._by_owner.get(owner, ())):
            self._drop(key)

    def clear(self) -> None:
        """Drop all."""
        self._answers.clear()
        self._by_owner.clear()
        self._size = 0

    def _drop(self, key: Key) -> None:
        found = self._answers.pop(key, None)
        if found is None:
            return
        owner, answer = found
        self._size -= _size(key, answer)
        keys = self._by_owner[owner]
        keys.discard(key)
        if not keys:
            del self._by_owner[owner]


def _size(key: Key, answer: Answer) -> int:
    return OVERHEAD + len(key[1]) + len(answer.body)
