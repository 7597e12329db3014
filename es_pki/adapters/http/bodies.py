"""Bodies of requests: they come within some time."""

import asyncio

from aiohttp import web

from es_pki.adapters.http.problems import Problem

BODY_SECONDS = 30.0
"""How long a body may take to come."""


async def body_of(request: web.Request, largest: int | None = None) -> bytes:
    """Return a request's body of at most `largest` octets (None: as many as the application bears).

    Raises `HTTPRequestEntityTooLarge` for a larger one, and `Problem` 408 for one that comes too slowly.
    """
    bounded = request if largest is None else request.clone(client_max_size=largest)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await bounded.read()
    except TimeoutError:
        detail = f"a body has come within {BODY_SECONDS:.0f} seconds"
        raise Problem(408, "body-too-slow", detail, Connection="close") from None
