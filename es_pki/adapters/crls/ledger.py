"""What every revocation list lists, kept in memory as the log is read: each entry is encoded once.

A CRL lists what is recorded before its CRLPrepared. Whoever has read the log as far as that has its entries at hand.
"""

from bisect import bisect_right
from datetime import datetime
from heapq import heappop, heappush
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

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

_End = tuple[int, str]
"""When a listed certificate ends, in seconds since 1970 UTC, and its serial number."""


class KeptBook(Struct, frozen=True, array_like=True):
    """A list as it is kept. `prepared_at` are the positions of its CRLs, by number."""

    entries: dict[str, bytes]
    ends: list[_End]
    changes: list[_Change]
    prepared_at: dict[int, int]


class Kept(Struct, frozen=True, array_like=True):
    """All lists as they are kept: nothing changes in it when the ledger goes on."""

    books: dict[str, KeptBook]
    stale: set[str]


class Book:
    """One list: its entries by serial number, in the order in which they were revoked, and those of its delta alike."""

    def __init__(self, kept: KeptBook | None = None) -> None:
        book = kept or KeptBook({}, [], [], {})
        self.entries, self._ends = book.entries, book.ends
        self._changes, self._prepared_at = book.changes, book.prepared_at
        self._base_at: int | None = None
        self._delta: dict[str, bytes] = {}

    def kept(self) -> KeptBook:
        """Return what has to be known of it."""
        return KeptBook(dict(self.entries), list(self._ends), list(self._changes), dict(self._prepared_at))

    def enter(self, position: int, event: Revocation, encoded: bytes) -> None:
        """Note a revocation, or its end; `encoded` is the entry that tells of it, in a delta where it has ended."""
        serial_number, removal = event.serial_number, b""
        if isinstance(event, CertificateReleased):
            self.entries.pop(serial_number, None)
            removal = encoded
        else:
            if serial_number not in self.entries:
                heappush(self._ends, (int(event.not_after.timestamp()), serial_number))
            self.entries[serial_number] = encoded
        self._changes.append((position, serial_number, removal))
        self._delta[serial_number] = encoded

    def knows(self, crl_number: int) -> bool:
        """Tell whether a delta can go on from the CRL of a number."""
        return crl_number in self._prepared_at

    def draft(self, position: int, prepared: CRLPrepared, *, is_wanted: bool) -> Draft | None:
        """Return a CRL that was prepared now, if it is wanted; forget what no later one needs."""
        self._drop_ended(prepared.ended_before)
        self._prepared_at[prepared.crl_number] = position
        if prepared.base_crl_number is not None:
            self._go_on_from(self._prepared_at[prepared.base_crl_number])
        if not is_wanted:
            return None
        delta = None if prepared.base_crl_number is None else tuple(self._delta.values())
        return Draft(prepared, tuple(self.entries.values()), delta)

    def _drop_ended(self, ended_before: datetime | None) -> None:
        """Forget certificates that have ended: a delta needs none of them either (section 5.2.4)."""
        end = None if ended_before is None else int(ended_before.timestamp())
        while end is not None and self._ends and self._ends[0][0] < end:
            _, serial_number = heappop(self._ends)
            if self.entries.pop(serial_number, None) is not None:
                self._delta.pop(serial_number, None)

    def _go_on_from(self, since: int) -> None:
        """Let the delta have what changed since its base was prepared; bases only ever move on."""
        if since == self._base_at:
            return
        self._base_at = since
        del self._changes[: bisect_right(self._changes, since, key=itemgetter(0))]
        self._prepared_at = {number: at for number, at in self._prepared_at.items() if at >= since}
        outcomes = {serial_number: removal for _, serial_number, removal in self._changes}
        told = (
            (serial_number, self.entries.get(serial_number) or removal) for serial_number, removal in outcomes.items()
        )
        self._delta = {serial_number: encoded for serial_number, encoded in told if encoded}


def _encoded(happened: Happened, event: Revocation) -> bytes:
    match event:
        case CertificateReleased():
            return entry(event.serial_number, happened.time.replace(microsecond=0), CRLReason.REMOVE_FROM_CRL, None)
        case CertificateHeld():
            return entry(event.serial_number, event.held_at, CRLReason.CERTIFICATE_HOLD, None)
        case CertificateRevoked() | AuthorityRevoked():
            return entry(event.serial_number, event.revoked_at, event.reason, event.invalidity_date)


class Ledger:
    """All lists, by their ids. `stale` are those with changes that no CRL was prepared after."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.books = {} if kept is None else {name: Book(book) for name, book in kept.books.items()}
        self.stale = set() if kept is None else kept.stale

    def kept(self) -> Kept:
        """Return what has to be known of all lists, to go on from here later."""
        return Kept({name: book.kept() for name, book in self.books.items()}, set(self.stale))

    def enter(self, happened: Happened) -> None:
        """Note an event that changes what is listed; others are passed over."""
        match happened.event:
            case CertificateRevoked(issuer_id=""):
                pass  # a directory revoked it, and lists it itself
            case CertificateHeld() | CertificateReleased() | CertificateRevoked() as event:
                self._enter(happened, event, (0, event.crl_shard) if event.crl_shard else (0,))
            case AuthorityRevoked() as event:
                self._enter(happened, event, (0,))
            case _:
                pass

    def draft(self, happened: Happened, prepared: CRLPrepared, *, is_wanted: bool = True) -> Draft | None:
        """Return the CRL that an event prepares, if it is wanted."""
        self.stale.discard(happened.id)
        return self.book(happened.id).draft(happened.position, prepared, is_wanted=is_wanted)

    def book(self, aggregate_id: str) -> Book:
        """Return a list's book."""
        found = self.books.get(aggregate_id)
        if found is None:
            found = self.books[aggregate_id] = Book()
        return found

    def _enter(self, happened: Happened, event: Revocation, shards: tuple[int, ...]) -> None:
        encoded = _encoded(happened, event)
        for shard in shards:
            aggregate_id = list_id(event.issuer_id, shard)
            self.book(aggregate_id).enter(happened.position, event, encoded)
            self.stale.add(aggregate_id)
