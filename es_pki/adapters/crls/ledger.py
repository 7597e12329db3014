"""What every revocation list lists, kept in memory as the log is read: each entry is encoded once.

A CRL lists what is recorded before its CRLPrepared. Whoever has read the log as far as that has its entries at hand.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from heapq import heappop, heappush
from operator import itemgetter
from typing import NamedTuple

from es_pki.adapters.x509.crl import entry
from es_pki.commands.revocation_list import list_id
from es_pki.events import codec
from es_pki.events.authority import AuthorityRevoked
from es_pki.events.certificate import CertificateHeld, CertificateReleased, CertificateRevoked
from es_pki.events.happened import Happened
from es_pki.events.revocation_list import CRLIssued, CRLPrepared
from es_pki.values import CRLReason

Revocation = CertificateHeld | CertificateReleased | CertificateRevoked | AuthorityRevoked

LISTED = codec.stored_types_of(CertificateHeld, CertificateReleased, CertificateRevoked, AuthorityRevoked)
"""The stored types of the events that change what is listed."""

PUBLISHED = codec.stored_types_of(CRLPrepared, CRLIssued)
"""The stored types of the events that tell which CRLs there are."""


class Draft(NamedTuple):
    """A prepared CRL with the entries that it lists, and those of its delta (None: it has none)."""

    prepared: CRLPrepared
    entries: tuple[bytes, ...]
    delta: tuple[bytes, ...] | None


_Change = tuple[int, str, bytes]
"""A change of what is listed: its position, the serial number, and the delta's entry for what was released (else b"").

Plain tuples of plain values: there may be a million, and the garbage collector looks at no such tuple twice.
"""


class Book:
    """One list: its entries by serial number, in the order in which they were revoked."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self._ends: list[tuple[datetime, str]] = []
        self._changes: list[_Change] = []
        self._prepared_at: dict[int, int] = {}

    def enter(self, happened: Happened, event: Revocation) -> None:
        """Note a revocation, or its end."""
        serial_number, removal = event.serial_number, b""
        if isinstance(event, CertificateReleased):
            self.entries.pop(serial_number, None)
            released_at = happened.time.replace(microsecond=0)
            removal = entry(serial_number, released_at, CRLReason.REMOVE_FROM_CRL, None)
        else:
            if serial_number not in self.entries:
                heappush(self._ends, (event.not_after, serial_number))
            self.entries[serial_number] = _entry(event)
        self._changes.append((happened.position, serial_number, removal))

    def knows(self, crl_number: int) -> bool:
        """Tell whether a delta can go on from the CRL of a number."""
        return crl_number in self._prepared_at

    def draft(self, position: int, prepared: CRLPrepared, *, is_wanted: bool) -> Draft | None:
        """Return a CRL that was prepared now, if it is wanted; forget what no later one needs."""
        self._drop_ended(prepared.ended_before)
        self._prepared_at[prepared.crl_number] = position
        changed = self._changed_since(prepared.base_crl_number)
        if not is_wanted:
            return None
        delta = None if changed is None else tuple(self._delta(changed))
        return Draft(prepared, tuple(self.entries.values()), delta)

    def _drop_ended(self, ended_before: datetime | None) -> None:
        while ended_before is not None and self._ends and self._ends[0][0] < ended_before:
            _, serial_number = heappop(self._ends)
            self.entries.pop(serial_number, None)

    def _changed_since(self, base: int | None) -> list[_Change] | None:
        """Return the changes since the base was prepared, None without one; bases only ever move on."""
        if base is None:
            return None
        since = self._prepared_at[base]
        del self._changes[: bisect_right(self._changes, since, key=itemgetter(0))]
        self._prepared_at = {number: at for number, at in self._prepared_at.items() if at >= since}
        return self._changes

    def _delta(self, changes: list[_Change]) -> Iterator[bytes]:
        """Yield an entry for each change's outcome; what has ended meanwhile needs none (section 5.2.4)."""
        outcomes = {serial_number: removal for _, serial_number, removal in changes}
        for serial_number, removal in outcomes.items():
            listed = self.entries.get(serial_number) or removal
            if listed:
                yield listed


def _entry(event: CertificateHeld | CertificateRevoked | AuthorityRevoked) -> bytes:
    if isinstance(event, CertificateHeld):
        return entry(event.serial_number, event.held_at, CRLReason.CERTIFICATE_HOLD, None)
    return entry(event.serial_number, event.revoked_at, event.reason, event.invalidity_date)


class Ledger:
    """All lists, by their ids. `stale` are those with changes that no CRL was prepared after."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.stale: set[str] = set()

    def enter(self, happened: Happened) -> None:
        """Note an event that changes what is listed; others are passed over."""
        match happened.event:
            case CertificateRevoked(issuer_id=""):
                pass  # a directory revoked it, and lists it itself
            case CertificateHeld() | CertificateReleased() | CertificateRevoked() as event:
                for shard in {0, event.crl_shard}:
                    self._enter(list_id(event.issuer_id, shard), happened, event)
            case AuthorityRevoked() as event:
                self._enter(list_id(event.issuer_id, 0), happened, event)
            case _:
                pass

    def draft(self, happened: Happened, prepared: CRLPrepared, *, is_wanted: bool = True) -> Draft | None:
        """Return the CRL that an event prepares, if it is wanted."""
        self.stale.discard(happened.id)
        return self.book(happened.id).draft(happened.position, prepared, is_wanted=is_wanted)

    def book(self, aggregate_id: str) -> Book:
        """Return a list's book."""
        return self.books.setdefault(aggregate_id, Book())

    def _enter(self, aggregate_id: str, happened: Happened, event: Revocation) -> None:
        self.book(aggregate_id).enter(happened, event)
        self.stale.add(aggregate_id)
