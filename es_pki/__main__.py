"""The command `es-pki`: gives the command line what it can do on a data folder by itself."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TypeVar

import uvloop

from es_pki import app
from es_pki.adapters import logs
from es_pki.adapters.checkpoints.kept import problems_of
from es_pki.adapters.cli import run
from es_pki.adapters.cli.local import Kept, LocalFailure, Progress, ViewState
from es_pki.adapters.examination import examine
from es_pki.adapters.keystore import KeyStoreRefused
from es_pki.adapters.postgres import StoreUnavailable
from es_pki.adapters.service import Equipment, Service
from es_pki.adapters.sqlite import NotOurFile
from es_pki.adapters.views.rebuild import rebuild
from es_pki.config import Settings, SettingsRefused
from es_pki.decider import Refused
from es_pki.projections import VIEWS
from eventlog import Log, Report, note, verify

R = TypeVar("R")

REFUSALS = (KeyStoreRefused, NotOurFile, SettingsRefused, StoreUnavailable, OSError)


class LocalWork:
    """See `cli.local.Local`."""

    def serve(self, settings: Settings) -> int:
        """Run the server until it is told to stop."""
        logs.configure()
        _run(_serve(settings))
        return 0

    def set_up(self, settings: Settings) -> None:
        """Make what a new installation needs."""
        _run(_set_up(settings))

    def let_administrator_in(self, settings: Settings, name: str) -> str:
        """Create an administrator and return its token: for whoever has the data folder and no token that opens."""
        return _run(_let_administrator_in(settings, name))

    def verify_log(self, settings: Settings, progress: Progress, *, deep: bool, kept: Kept | None) -> Report:
        """Read the whole log and return what contradicts its evidence, or a checkpoint that was kept."""
        return _run(_verify(settings, progress, deep=deep, kept=kept))

    def rebuild_views(self, settings: Settings, names: Sequence[str], progress: Progress) -> None:
        """Build views anew."""
        _run(_rebuild(settings, names, progress))

    def view_states(self, settings: Settings) -> Sequence[ViewState]:
        """Return how far each view has come."""
        return _run(_view_states(settings))


def _run(work: Coroutine[object, object, R]) -> R:
    try:
        return uvloop.run(work)
    except Refused as refused:
        broken = "; ".join(f"{violation.field}: {violation.detail}" for violation in refused.violations)
        raise LocalFailure(broken or refused.detail) from refused
    except REFUSALS as error:
        raise LocalFailure(str(error)) from error


async def _opened(settings: Settings) -> tuple[app.Stores, Service]:
    stores = await app.open_stores(settings)
    try:
        equipment = Equipment(
            log=stores.log,
            keys=stores.keys,
            checkpoints=stores.checkpoints,
            views=stores.views,
            effects=stores.effects,
            lease=stores.lease,
            set_up_lease=app.set_up_lease(settings),
            aggregates=app.Aggregates(stores.log),
        )
        return stores, Service(equipment, settings)
    except BaseException:
        await stores.close()
        raise


async def _serve(settings: Settings) -> None:
    stores, service = await _opened(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await service.set_up()
        _calm_the_collector()
        async with service.serving():
            _greet(settings, service)
            await stopped.wait()
    finally:
        service.close()
        await stores.close()


def _calm_the_collector() -> None:
    """Look for garbage in cycles rarely, and never among what lives as long as the process: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _greet(settings: Settings, service: Service) -> None:
    url, folder = service.addresses.url, settings.folder
    place = f"in {settings.token_file}" if settings.token_file.exists() else "where this installation was set up"
    print(
        f"es-pki serves {url}/ (its root certificate: {folder / 'ca.pem'})\n"
        f"The administrator's token lies {place}.\n"
        "\n"
        "Next, in another shell:\n"
        "  es-pki status\n"
        "  es-pki certificate issue www --authority intermediate --dns www.example.test\n"
        "  es-pki calendar",
        flush=True,
    )


async def _set_up(settings: Settings) -> None:
    stores, service = await _opened(settings)
    try:
        await service.set_up()
    finally:
        service.close()
        await stores.close()


async def _let_administrator_in(settings: Settings, name: str) -> str:
    stores, service = await _opened(settings)
    try:
        return await service.let_administrator_in(name)
    finally:
        service.close()
        await stores.close()


async def _verify(settings: Settings, progress: Progress, *, deep: bool, kept: Kept | None) -> Report:
    log = await app.open_log(settings)
    try:
        report = await _verified(log, partial(progress, "evidence"), kept)
        if not deep or report.findings:
            return report
        examination = await examine(log, partial(progress, "events"))
        return report._replace(findings=tuple(examination.findings))
    finally:
        await log.close()


async def _verified(log: Log, heard: Callable[[int, int], None], kept: Kept | None) -> Report:
    if kept is None:
        return await verify(log, heard)
    report = await verify(log, heard, kept=[note.checkpoint_of(note.parts(kept.note)[0])])
    return report._replace(findings=(*report.findings, *await problems_of(kept.note, kept.keys, log)))


async def _rebuild(settings: Settings, names: Sequence[str], progress: Progress) -> None:
    unknown = sorted(set(names) - {view.name for view in VIEWS})
    if unknown:
        raise LocalFailure(f"there is no view {unknown[0]}; there are: {', '.join(view.name for view in VIEWS)}")
    stores = await app.open_stores(settings)
    try:
        for view in VIEWS:
            if not names or view.name in names:
                await rebuild(stores.log, stores.views, view, partial(progress, view.name))
    finally:
        await stores.close()


async def _view_states(settings: Settings) -> Sequence[ViewState]:
    stores = await app.open_stores(settings)
    try:
        size = (await stores.log.head()).size
        return [ViewState(v.name, v.version, await stores.views.checkpoint(v) or 0, size) for v in VIEWS]
    finally:
        await stores.close()


def main() -> None:
    """Run the command line. What it makes is its owner's alone."""
    os.umask(0o077)
    sys.exit(run(sys.argv[1:], LocalWork()))


if __name__ == "__main__":
    main()
