"""Keeps authorities' OCSP responders good: the first is certified when somebody asks, the next before its end."""

import logging
from collections.abc import Callable
from datetime import datetime

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.deciders import OCSP_RESPONDER
from es_pki.adapters.intake.desk import Desk
from es_pki.adapters.intake.first_run import ITSELF
from es_pki.adapters.views import ViewStore, every_row
from es_pki.commands.ocsp_responder import is_due
from es_pki.decider import Refused
from es_pki.projections import authorities

LOG = logging.getLogger("es_pki.ocsp")


class Upkeep:
    """Has responders certified, on demand and by the scheduler."""

    def __init__(self, views: ViewStore, aggregates: Aggregates, desk: Desk, now: Callable[[], datetime]) -> None:
        self._views = views
        self._aggregates = aggregates
        self._desk = desk
        self._now = now

    async def certify(self, authority_id: str) -> None:
        """Have an authority certify a responder if one is due. Raises `Refused`."""
        await self._desk.certify_ocsp_responder(authority_id, Asked(ITSELF, self._now()))

    async def look(self) -> None:
        """Have the next responder certified wherever there is one whose time has come."""
        if await self._views.checkpoint(authorities.view) is None:
            return  # the view is being built
        async for row in every_row(self._views, authorities.view):
            state = (await self._aggregates.load(OCSP_RESPONDER, row.id)).state
            if not state.versions or row.not_after <= self._now() or not is_due(state, row.not_after, self._now()):
                continue
            try:
                await self.certify(row.id)
            except Refused as refused:
                LOG.error(  # noqa: TRY400 - the refusal says all
                    "an OCSP responder can't be replaced",
                    extra={"fields": {"authority": row.name, "because": refused.detail}},
                )
