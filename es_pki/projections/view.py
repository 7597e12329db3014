"""What a view is: how events become rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from es_pki.events import codec
from es_pki.events.codec import Event
from es_pki.events.happened import Happened

Row = TypeVar("Row")


@dataclass(frozen=True)
class View(Generic[Row]):
    """A view named `name`; rows are rebuilt from position 0 when `version` changes.

    `events` are the only ones it sees. `key` names the row that an event touches; `evolve` returns that row as it is
    after the event (None: it is gone), given how it was before (None: there was none). `order_by` is the row's field
    by which lists are sorted (then by key); `filters` are the fields that a query may ask to be equal to something,
    and `lookups` those among them of which a value finds a few rows at most: they have an index. All these fields hold
    text, an enum, a whole number, a time or None; those of the filters among `members` hold several texts, or texts by
    key, and a query asks for one of them, as `key=value` where they have keys.
    """

    name: str
    version: int
    row: type[Row]
    events: tuple[type[Event], ...]
    key: Callable[[Happened], str]
    evolve: Callable[[Row | None, Happened], Row | None]
    order_by: str
    filters: tuple[str, ...]
    lookups: tuple[str, ...]
    members: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()

    @property
    def types(self) -> frozenset[str]:
        """Return the stored types of the events it sees, old names too."""
        return codec.stored_types_of(*self.events)


def own_id(happened: Happened) -> str:
    """Key rows by the aggregate's id: one row per aggregate."""
    return happened.id
