"""What a route is: how it is asked, whose roles open it, and what it answers with."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from msgspec import Struct

from es_pki.values import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Schema = dict[str, Any]
"""A JSON Schema."""

REFERENCE = "#/components/schemas/{name}"
"""Where the description of the API has its schemas."""


class Shown(NamedTuple):
    """What a route answers with: a row of a view as it is shown, or a page of them."""

    row: type[Struct]
    is_page: bool = False

    @property
    def component(self) -> str:
        """Return the name of the row's schema: `InventoryRow`."""
        return self.row.__module__.rpartition(".")[2].title().replace("_", "") + "Row"

    @property
    def schema(self) -> Schema:
        """Return the schema of the whole answer."""
        row = {"$ref": REFERENCE.format(name=self.component)}
        if not self.is_page:
            return row
        properties = {
            "items": {"type": "array", "items": row},
            "cursor": {"type": ["string", "null"], "description": "The next page's; null: this is the last."},
            "position": {"type": ["integer", "null"], "description": "The rows show the log up to there, or further."},
        }
        return {"type": "object", "required": list(properties), "properties": properties}


def page_of(row: type[Struct]) -> Shown:
    """Return that a route answers with a page of rows."""
    return Shown(row, is_page=True)


class Route(NamedTuple):
    """A route. `roles` None: open to anyone; the empty set: the handler asks for the roles itself.

    `shows`: the view's rows that it answers with, None for anything else. `takes`: what its body is, or the body's
    schema, None without one. `is_feed`: its token may be the parameter `token`.
    """

    method: str
    path: str
    roles: frozenset[Role] | None
    handler: Handler
    parameters: tuple[str, ...] = ()
    shows: Shown | None = None
    takes: type[Struct] | Schema | None = None
    is_feed: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods that the route takes: what answers GET answers HEAD (RFC 9110 section 9.1)."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def pattern(self) -> str:
        """Return the path as the router takes it: a tile's own path has several segments."""
        return self.path.replace("{tile}", "{tile:.+}")

    @property
    def summary(self) -> str:
        """Return what the route answers, from its handler."""
        return (self.handler.__doc__ or "").split("\n", 1)[0]
