"""Which certificate this server's management listener serves, looked at again and again.

It is what was deployed last to a service of the kind `api`, else es-pki's own. So every server of an installation comes
to serve it, whichever of them carried the deployment out, and serves it again after a start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from es_pki.adapters.deployment.own_listener import OwnListener, OwnMaterial
from es_pki.adapters.deployment.step import StepFailed
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore.store import KeyMissing, KeyUnreadable
from es_pki.adapters.views import Query, ViewStore, every_row
from es_pki.events.service import DeploymentStarted, ServiceKind
from es_pki.projections import services

LOG = logging.getLogger("es_pki.service")

LOOK_SECONDS = 2.0
"""How soon what another server of the installation deployed is served here too."""

RENEWAL_SECONDS = 3600.0
"""How often it is looked whether es-pki's own certificate needs to be replaced."""


class OwnCertificate:
    """Keeps the listener's certificate the right one. `see_to_own` replaces es-pki's own in time, and names it."""

    def __init__(
        self,
        aggregates: Aggregates,
        keys: KeyRing,
        views: ViewStore,
        listener: OwnListener,
        see_to_own: Callable[[], Awaitable[str]],
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._views = views
        self._listener = listener
        self._see_to_own = see_to_own
        self._own_id = ""

    async def serve(self) -> None:
        """See to es-pki's own certificate, and serve the right one."""
        self._own_id = await self._see_to_own()
        await self._serve_right()

    async def keep(self) -> None:
        """Go on doing so until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + RENEWAL_SECONDS
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if loop.time() < due:
                    await self._serve_right()
                else:
                    due = loop.time() + RENEWAL_SECONDS
                    await self.serve()
            except Exception:
                LOG.exception("the server's own certificate could not be replaced; trying again")

    async def _serve_right(self) -> None:
        """Serve what was deployed last, else es-pki's own; while a deployment runs it is the one who decides."""
        deployed, is_running = await self._deployed()
        if is_running and self._listener.served is not None:
            return
        if deployed is not None:
            try:
                await self._serve(deployed.certificate_id, deployed.version)
            except (KeyMissing, KeyUnreadable, StepFailed, LookupError) as error:
                told = {"certificate": deployed.certificate_id, "because": str(error)}
                LOG.warning("what was deployed to es-pki itself can't be served", extra={"fields": told})
            else:
                return
        await self._serve(self._own_id, None)

    async def _deployed(self) -> tuple[DeploymentStarted | None, bool]:
        """Return what was deployed last to es-pki itself, and whether something is being deployed."""
        query = Query(filters={"kind": ServiceKind.API})
        rows = [row async for row in every_row(self._views, services.view, query) if row.certificate_id is not None]
        rows.sort(key=lambda row: row.deployed.started_at if row.deployed else row.registered_at)
        last, is_running = None, False
        for row in rows:
            deployments = (await self._aggregates.load(SERVICE, row.id, afresh=True)).state.deployments
            last, is_running = deployments.deployed or last, is_running or deployments.running is not None
        return last, is_running

    async def _serve(self, certificate_id: str, number: int | None) -> None:
        """Serve a version (None: the current one), unless it is served already."""
        lineage = (await self._aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
        version = lineage.served if number is None else lineage.versions.get(number)
        if version is None or version.certificate is None or version.prepared.key_id is None:
            raise LookupError("the server's own certificate is gone")
        if version.certificate == self._listener.leaf:
            return
        issuers = without_root(await issuers_of(self._aggregates, version.prepared))
        key = await self._keys.secret(version.prepared.key_id, purpose=CERTIFICATE.category, owner=certificate_id)
        self._listener.serve(OwnMaterial((version.certificate, *issuers), key))
