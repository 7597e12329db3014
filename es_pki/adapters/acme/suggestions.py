"""What directories suggest about renewals (RFC 9773), and the moment that is drawn from it and recorded."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.pacing import jittered
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.entropy import fraction
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, ACME_RENEWAL, CERTIFICATE
from es_pki.adapters.signing import ACTOR
from es_pki.commands.acme_renewal import ACMERenewalCommand, PlanACMERenewal, State, Window
from es_pki.projections.inventory import Row

LOG = logging.getLogger("es_pki.acme")

ASK_AGAIN = timedelta(hours=6)
"""When a directory is asked again about a certificate for which it didn't say when (RFC 9773 section 4.3.2)."""

SOONEST, LATEST = timedelta(minutes=1), timedelta(days=1)

_Told = tuple[Window | None, str, datetime]


class Suggestions:
    """Asks directories; what is remembered here is only when one was asked last."""

    def __init__(self, aggregates: Aggregates, directories: Directories, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._directories = directories
        self._now = now
        self._ask_again: dict[str, tuple[int, datetime]] = {}

    def is_due(self, row: Row) -> bool:
        """Tell whether the directory is to be asked about a version."""
        version, again = self._ask_again.get(row.id, (0, self._now()))
        return version != row.version or again <= self._now()

    def postpone(self, row: Row) -> None:
        """Ask about a version a little later."""
        self._ask_again[row.id] = row.version, self._now() + SOONEST

    async def ask(self, row: Row) -> State:
        """Ask the directory when a version should be replaced, and draw a moment if that is new."""
        window, explanation, again = await self._told(row)
        state = await self._plan(row, window, explanation, is_revoked=False)
        self._ask_again[row.id] = row.version, again
        return state

    async def plan_at_once(self, row: Row) -> State:
        """Plan to replace now what is revoked, or is to be."""
        return await self._plan(row, None, "", is_revoked=True)

    async def _plan(self, row: Row, window: Window | None, explanation: str, *, is_revoked: bool) -> State:
        command = PlanACMERenewal(
            name=row.name,
            version=row.version,
            not_before=row.not_before,
            not_after=row.not_after,
            suggested=window,
            explanation=explanation,
            fraction=fraction(),
            now=self._now(),
            is_revoked=is_revoked,
        )

        async def ask() -> ACMERenewalCommand:
            return command

        return (await self._aggregates.handle(ACME_RENEWAL, row.id, ask, actor=ACTOR)).state

    async def _told(self, row: Row) -> _Told:
        """Return the directory's window, why it wants that, and when it is asked again."""
        again = self._now() + timedelta(seconds=jittered(ASK_AGAIN.total_seconds()))
        order = (await self._aggregates.load(ACME_ORDER, row.order_id or "")).state
        account = (await self._aggregates.load(ACME_ACCOUNT, order.account_id)).state
        version = (await self._aggregates.load(CERTIFICATE, row.id)).state.versions.get(row.version)
        identifier = ari_identifier(version.certificate) if version and version.certificate else ""
        if not identifier:
            return None, "", again
        try:
            found = await self._directories.client(order.account_id, account).renewal_info(identifier)
        except DirectoryFailed as failed:
            LOG.info("no renewal information", extra={"fields": {"certificate": row.id, "problem": str(failed)}})
            return None, "", again
        if found is None:
            return None, "", again
        info, reply = found
        if reply.retry_at is not None:
            again = min(max(reply.retry_at, self._now() + SOONEST), self._now() + LATEST)
        suggested = info.suggested_window
        if suggested.end <= suggested.start:  # RFC 9773 section 4.2: as if there were none
            return None, "", again
        return Window(suggested.start, suggested.end), info.explanation, again
