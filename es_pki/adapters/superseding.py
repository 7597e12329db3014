"""Revokes what was superseded once it is due and no service has it any more: it only sends the ordinary command.

Everything that counts is in the log; what is remembered here is only when a version was looked at last.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from es_pki.adapters.deployment import Observer
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Answer, Asked, Caller
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.intake.requests import RevokeCertificate
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.views import ROWS_AT_ONCE, Query, ViewStore, every_row
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands import service
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.lineage import State
from es_pki.commands.supersession import RecordSupersessionHeldUp
from es_pki.commands.versions import Version
from es_pki.decider import Refused
from es_pki.projections import expiry_calendar
from es_pki.values import CRLReason, Role
from eventlog import Conflict

LOG = logging.getLogger("es_pki.superseding")

LOOK_AGAIN = timedelta(minutes=5)
"""When a version is looked at again that could not be revoked."""

TAKEN_UP = timedelta(days=1)
"""How long es-pki itself may go on with the version before of its own certificate."""

ITSELF = Caller(ACTOR, frozenset(Role))


class Superseding:
    """Looks after all versions that are to be revoked. `take` is the desk's door.

    `users_of` names who uses a certificate besides the services bound to it.
    """

    def __init__(
        self,
        aggregates: Aggregates,
        views: ViewStore,
        observer: Observer,
        take: Callable[[RevokeCertificate, Asked], Awaitable[Answer]],
        *,
        users_of: Callable[[str], Awaitable[tuple[str, ...]]],
        now: Callable[[], datetime],
    ) -> None:
        self._aggregates = aggregates
        self._views = views
        self._observer = observer
        self._take = take
        self._users_of = users_of
        self._now = now
        self._again: dict[tuple[str, int], datetime] = {}

    async def look(self) -> None:
        """Revoke what is due, or say who still has it."""
        now = self._now()
        self._again = {version: at for version, at in self._again.items() if at > now}
        query = Query({"what": expiry_calendar.What.REVOCATION}, limit=ROWS_AT_ONCE)
        async for row in every_row(self._views, expiry_calendar.view, query):
            is_due = row.at <= now or bool(row.held_up_by)
            if is_due and (row.id, row.version) not in self._again:
                self._again[row.id, row.version] = now + LOOK_AGAIN
                await self._looked_at(row.id, row.version)

    async def _looked_at(self, certificate_id: str, number: int) -> None:
        """Look at one version; whatever goes wrong with it concerns no other."""
        told = {"certificate": certificate_id, "version": number}
        try:
            state = (await self._aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
            version = state.versions.get(number)
            if version is None or version.superseding is None:
                return
            still = [name async for name in self._who_has(certificate_id, state, version)]
            if still:
                await self._record(certificate_id, RecordSupersessionHeldUp(number, tuple(sorted(still)), self._now()))
                return
            request = RevokeCertificate(certificate_id, number, reason=CRLReason.SUPERSEDED, unless_current=True)
            await self._take(request, Asked(ITSELF, self._now()))
        except (Refused, Conflict) as refused:
            LOG.warning("a superseded version is not revoked", extra={"fields": {**told, "because": str(refused)}})
        except Exception:
            LOG.exception("a superseded version can't be looked after", extra={"fields": told})

    async def _who_has(self, certificate_id: str, state: State, version: Version) -> AsyncIterator[str]:
        """Yield the names of those who still have the version, or may get it any moment."""
        gone = fingerprint(version.certificate or b"")
        for service_id, use in state.uses.items():
            if gone in await self._fingerprints(service_id):
                yield use.service
        is_fresh = state.served is not None and self._now() < state.served.prepared.not_before + TAKEN_UP
        for user in await self._users_of(certificate_id) if is_fresh else ():
            yield user

    async def _fingerprints(self, service_id: str) -> set[str]:
        """Return those of what a service was just seen with; where nobody can look, of what it was given last.

        A deployment that runs may end with what was there before, so that counts too.
        """
        known = (await self._aggregates.load(SERVICE, service_id, afresh=True)).state
        deployments = known.deployments
        given = {deployments.deployed.fingerprint} if deployments.deployed is not None else set()
        if deployments.running is not None:
            return given | ({known.observed.fingerprint} if known.observed else set())
        seen = await self._seen(service_id, known)
        return {seen} if seen else given

    async def _seen(self, service_id: str, known: service.State) -> str:
        if not known.installation.probe.address:
            return ""
        state = (await self._observer.observe(service_id, actor=ACTOR)).state
        return state.observed.fingerprint if state.observed else ""

    async def _record(self, certificate_id: str, command: RecordSupersessionHeldUp) -> None:
        async def ask() -> CertificateCommand:
            return command

        await self._aggregates.handle(CERTIFICATE, certificate_id, ask, actor=ACTOR)
