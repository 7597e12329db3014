"""Whether es-pki lives, is ready, and what it still has to do."""

import asyncio

from aiohttp import web

from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.postgres import AWAY
from es_pki.adapters.sqlite import FileUnusable
from eventlog import LogError

LARGEST_LAG = 10_000
"""Positions that the views may be behind before es-pki calls itself not ready."""

ANSWER_SECONDS = 2.0
"""How long the stores may take to say so: who asks for health doesn't wait for a database that is away."""


async def healthz(_request: web.Request) -> web.StreamResponse:
    """Answer that the process lives."""
    return json_reply({"status": "alive"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """Answer 200 when the log can be read and the views follow it, else 503; say what isn't so.

    `backup` tells of the scheduled ones, of this process: the newest, and failures since; `crls_due` how many CRLs are
    to be issued for what was revoked. They make nothing unready.
    """
    parts = request.app[PARTS]
    failure, size, lag = parts.follower.failure, 0, 0
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            size = (await parts.log.head()).size
            lag = await parts.follower.lag()
    except (*AWAY, FileUnusable, LogError) as error:
        failure = f"the stores: {type(error).__name__}"
    ready = failure is None and lag <= LARGEST_LAG
    status = "ready" if ready else "not ready"
    backup = parts.backups.state if parts.backups else None
    due = parts.crls.due
    told = {"status": status, "log": size, "lag": lag, "failure": failure, "backup": backup, "crls_due": due}
    reply = json_reply(told)
    reply.set_status(200 if ready else 503)
    return reply


async def reactions(request: web.Request) -> web.StreamResponse:
    """Answer with the effects that are outstanding or failing."""
    return json_reply({"items": await request.app[PARTS].runner.pending()})
