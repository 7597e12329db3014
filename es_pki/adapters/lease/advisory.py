"""A lease among machines: an advisory lock of a session of PostgreSQL, which drops it with the session.

A session ends with its connection. Of a holder that hangs, or whose machine is gone without a word, the connection
stays: so the session asks PostgreSQL to end it when it is idle for a term (`idle_session_timeout`, from version 14),
and the holder renews by saying something. PostgreSQL alone measures; no clocks are compared, nothing is written.

It takes a connection of its own: a pooler between es-pki and PostgreSQL must not share sessions.
"""

import asyncio
import contextlib
import logging
from typing import Any

import asyncpg

from es_pki.adapters import clock
from es_pki.adapters.lease.lease import TERM_SECONDS, Term
from es_pki.adapters.postgres import AWAY, connect

LOG = logging.getLogger("es_pki.lease")

LOST = (*AWAY, asyncpg.PostgresError)
"""What a connection raises that no longer holds anything."""

_RENEW = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database()
  AND (application_name = 'eventlog' OR application_name LIKE 'es-pki %')
  AND state = 'active' AND wait_event = 'ClientRead' AND state_change < now() - interval '5 seconds'
"""
"""Renews, and ends the sessions of processes that hang between a statement's parsing and its execution: no timeout of
PostgreSQL's does (before version 17), and such a session may keep rows, or the log's lock, as long as it likes. A role
may end its own sessions."""

_TRY = "SELECT pg_try_advisory_lock(hashtext('es-pki lease'), hashtext($1))"


class AdvisoryLease:
    """See `Lease` for what the methods promise."""

    def __init__(self, url: str, name: str, *, term: float = TERM_SECONDS) -> None:
        self._url = url
        self._name = name
        self._connection: Any = None
        self._renewing: asyncio.Task[None] | None = None
        self._term = Term(term)

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        while not self.held() and not await self._try():
            await asyncio.sleep(self._term.look_seconds)

    def held(self) -> bool:
        """See `Lease.held`."""
        return self._connection is not None and not self._connection.is_closed() and self._term.runs

    async def release(self) -> None:
        """See `Lease.release`."""
        connection = self._drop()
        if connection is not None:
            with contextlib.suppress(*LOST):
                await connection.close(timeout=2)

    async def _try(self) -> bool:
        asked = clock.elapsed()
        try:
            if self._connection is None or self._connection.is_closed():
                self._drop()
                self._connection = await self._session()
            got: bool = await self._connection.fetchval(_TRY, self._name)
        except BaseException as error:
            # It may have been granted after all: only the end of the session is sure.
            self._cut()
            if isinstance(error, LOST):
                return False
            raise
        if got and not self.held():
            self._term.renew(asked)
            self._stop_renewing()
            self._renewing = asyncio.create_task(self._renew(self._connection))
        return got

    async def _session(self) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
        milliseconds = f"{self._term.seconds * 1000:.0f}"
        settings = {"application_name": "es-pki lease", "idle_session_timeout": milliseconds}
        return await connect(self._url, server_settings=settings, command_timeout=self._term.seconds)

    async def _renew(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg ships no annotations
        try:
            while True:
                await asyncio.sleep(self._term.renewal_seconds)
                asked = clock.elapsed()
                await connection.execute(_RENEW)
                self._term.renew(asked)
        except LOST as error:
            told = {"lease": self._name, "error": type(error).__name__}
            LOG.warning("the lease is lost", extra={"fields": told})
            self._term.end()
            connection.terminate()

    def _drop(self) -> Any:  # noqa: ANN401 - asyncpg ships no annotations
        self._stop_renewing()
        self._term.end()
        connection, self._connection = self._connection, None
        return connection

    def _cut(self) -> None:
        connection = self._drop()
        if connection is not None:
            connection.terminate()

    def _stop_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
