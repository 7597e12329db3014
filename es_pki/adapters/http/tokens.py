"""Whose token it is: found by its digest, judged by what the log says at that moment, never by a view."""

import hashlib
from typing import cast

from aiohttp import web

from es_pki.adapters.intake.deciders import PRINCIPAL
from es_pki.adapters.views import Query, ViewStore
from es_pki.commands import principal
from es_pki.events import codec
from es_pki.events.principal import PrincipalEvent, TokenCreated
from es_pki.projections import principals
from eventlog import Log

CREATED = codec.stored_types_of(TokenCreated)


class Tokens:
    """Finds principals by their tokens.

    A token belongs to one principal for ever, so that is remembered. Whether it still opens anything is not: each look
    reads the principal's stream, two records or so and one query, and sees what any process has appended before.
    """

    def __init__(self, log: Log, views: ViewStore) -> None:
        self._log = log
        self._views = views
        self._owners: dict[str, str] = {}
        self._searched = 0

    async def principal(self, token: str) -> principal.State | None:
        """Return the state of the token's principal, None for a token that was never created."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        owner = self._owners.get(digest) or await self._found(digest)
        if owner is None:
            return None
        state = PRINCIPAL.initial
        for record in await self._log.read_stream(PRINCIPAL.stream(owner)):
            state = PRINCIPAL.evolve(state, cast("PrincipalEvent", codec.decode(record.type, record.data)))
        return state

    async def _found(self, digest: str) -> str | None:
        """Look for a token in the view, then in what the view hasn't seen of the log; each record is read once."""
        found = await self._views.find(principals.view, Query(filters={"token_digest": digest}, limit=1))
        if found.rows:
            self._owners[digest] = found.rows[0].id
            return found.rows[0].id
        after = max(self._searched, await self._views.checkpoint(principals.view) or 0)
        async for page in self._log.read_all(after=after, types=CREATED):
            for record in page.records:
                match codec.decode(record.type, record.data):
                    case TokenCreated(token_digest=created):
                        self._owners[created.hex()] = record.stream.removeprefix(PRINCIPAL.stream(""))
                    case _:
                        pass
            self._searched = max(self._searched, page.position)
        return self._owners.get(digest)


TOKENS = web.AppKey("tokens", Tokens)
