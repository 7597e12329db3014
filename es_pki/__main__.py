"""The command `es-pki`: gives the command line what it can do on a data folder by itself."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from functools import cache, partial
from typing import Any, TypeVar

import msgspec
import uvloop
from msgspec.structs import replace

from es_pki import app
from es_pki.adapters import clock, logs
from es_pki.adapters.backup import BackupRefused
from es_pki.adapters.backup.restoring import Loss, Restored, record_of_loss, restore
from es_pki.adapters.backup.verifying import Verified
from es_pki.adapters.backup.verifying import verify as verify_file
from es_pki.adapters.backup.writing import Made, Sources, create
from es_pki.adapters.checkpoints import Inconsistent, Notary, Signed
from es_pki.adapters.checkpoints import postgres as checkpoints_on_postgres
from es_pki.adapters.checkpoints.kept import Kept, problems_of
from es_pki.adapters.cli import run
from es_pki.adapters.cli.local import BackupFile, LocalFailure, Progress, Replay, Row, ViewState
from es_pki.adapters.examination import examine
from es_pki.adapters.http.lists import authority_object, principal_object
from es_pki.adapters.http.replies import row_object
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore import KeyStoreRefused
from es_pki.adapters.keystore.master import left_to_do
from es_pki.adapters.lease import FileLease, Overtaken
from es_pki.adapters.lint import SecondOpinion
from es_pki.adapters.postgres import StoreUnavailable
from es_pki.adapters.service import Equipment, Service
from es_pki.adapters.sqlite import FileUnusable, NotOurFile
from es_pki.adapters.views.rebuild import RebuildLost, rebuild
from es_pki.adapters.views.replay import NoSuchMoment, position_of, replay
from es_pki.adapters.worker import Workers
from es_pki.config import Settings, SettingsRefused
from es_pki.decider import Refused
from es_pki.projections import VIEWS, authorities, principals
from es_pki.projections.view import View
from eventlog import Log, Report, note, verify
from eventlog.tree import Tree

R = TypeVar("R")

SHOWN: dict[str, Callable[[Any], Mapping[str, object]]] = {
    authorities.NAME: authority_object,
    principals.NAME: principal_object,
}
"""The views whose rows are not shown as they are."""

REFUSALS = (
    BackupRefused,
    FileUnusable,
    KeyStoreRefused,
    Inconsistent,
    NoSuchMoment,
    NotOurFile,
    Overtaken,
    RebuildLost,
    SettingsRefused,
    StoreUnavailable,
    OSError,
)


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

    def replay_view(self, settings: Settings, replay: Replay, progress: Progress, row: Callable[[Row], None]) -> int:
        """Hand over each row of a view as it was."""
        return _run(_replay(settings, replay, progress, row))

    def view_states(self, settings: Settings) -> Sequence[ViewState]:
        """Return how far each view has come."""
        return _run(_view_states(settings))

    def create_backup(self, settings: Settings, file: BackupFile, progress: Progress) -> Made:
        """Make a backup, also while a server runs."""
        return _run(_create_backup(settings, file, progress))

    def verify_backup(self, file: BackupFile, kept: Kept, progress: Progress) -> Verified:
        """Read a whole backup and return what was found."""
        return _run(verify_file(file.path, _asking(file), kept, partial(progress, "backup")))

    def restore_backup(
        self, settings: Settings, file: BackupFile, progress: Progress, *, kept: Kept, loss: Loss | None
    ) -> Restored:
        """Fill stores that have nothing with a backup."""
        return _run(_restore_backup(settings, file, progress, kept=kept, loss=loss))


def _run(work: Coroutine[object, object, R]) -> R:
    try:
        return uvloop.run(work)
    except Refused as refused:
        broken = "; ".join(f"{violation.field}: {violation.detail}" for violation in refused.violations)
        raise LocalFailure(broken or refused.detail) from refused
    except BrokenPipeError:
        raise
    except REFUSALS as error:
        raise LocalFailure(str(error)) from error


async def _opened(settings: Settings) -> tuple[app.Stores, Service]:
    stores = await app.open_stores(settings)
    workers = Workers()
    second_opinion = SecondOpinion(workers)
    try:
        equipment = Equipment(
            log=stores.log,
            keys=stores.keys,
            sealed_keys=partial(app.open_sealed_keys, settings),
            checkpoints=stores.checkpoints,
            views=stores.views,
            effects=stores.effects,
            lease=stores.lease,
            set_up_lease=app.set_up_lease(settings),
            aggregates=app.Aggregates(stores.log, second_opinion.examine),
            workers=workers,
            second_opinion=second_opinion,
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
    if not settings.database_url and not (settings.folder / "log.db").exists():
        raise LocalFailure(f"{settings.folder}: there is no log there (no log.db); name its folder with --data-dir")
    log = await app.open_log(settings)
    try:
        report = await _verified(log, partial(progress, "evidence"), kept, await _last_signed(settings))
        if not deep or report.findings:
            return report
        examination = await examine(log, partial(progress, "events"))
        return report._replace(findings=tuple(examination.findings))
    finally:
        await log.close()


async def _last_signed(settings: Settings) -> Signed | None:
    """Return the checkpoint that was signed last, None if there is none."""
    if settings.database_url:
        is_there = await checkpoints_on_postgres.is_there(settings.database_url)
    else:
        is_there = (settings.folder / "checkpoint.db").exists()
    if not is_there:
        return None
    checkpoints = await app.open_checkpoints(settings)
    try:
        return await checkpoints.last()
    finally:
        await checkpoints.close()


async def _verified(log: Log, heard: Callable[[int, int], None], kept: Kept | None, signed: Signed | None) -> Report:
    notes = [text for text in (kept and kept.note, signed and signed.note) if text]
    report = await verify(log, heard, kept=[note.checkpoint_of(note.parts(text)[0]) for text in notes])
    if kept is None:
        return report
    return report._replace(findings=(*report.findings, *await problems_of(kept.note, kept.keys, log)))


async def _rebuild(settings: Settings, names: Sequence[str], progress: Progress) -> None:
    views = [_view_named(name) for name in names] or VIEWS
    stores = await app.open_stores(settings)
    try:
        for view in views:
            await rebuild(stores.log, stores.views, view, partial(progress, view.name))
    finally:
        await stores.close()


def _view_named(name: str) -> View[Any]:
    for view in VIEWS:
        if view.name == name:
            return view
    raise LocalFailure(f"there is no view {name}; there are: {', '.join(view.name for view in VIEWS)}")


async def _replay(settings: Settings, wanted: Replay, progress: Progress, row: Callable[[Row], None]) -> int:
    view, lease = _view_named(wanted.view), FileLease(settings.folder / "replay.lock")
    log = await app.open_log(settings)
    try:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # with the log on PostgreSQL it may be absent
        await lease.acquire()
        position = await position_of(log, wanted.to)
        scratch = settings.folder / f"replay-{view.name}-{'end' if wanted.to is None else position}.db"
        async with aclosing(replay(log, view, position, scratch, partial(progress, view.name))) as rows:
            async for found in rows:
                row(msgspec.to_builtins(SHOWN.get(view.name, row_object)(found)))
        return position
    finally:
        await lease.release()
        await log.close()


async def _view_states(settings: Settings) -> Sequence[ViewState]:
    stores = await app.open_stores(settings)
    try:
        size = (await stores.log.head()).size
        return [await _view_state(stores, view, size) for view in VIEWS]
    finally:
        await stores.close()


async def _view_state(stores: app.Stores, view: View[Any], size: int) -> ViewState:
    checkpoint, building = await stores.views.checkpoint(view), await stores.views.building(view)
    state = "live" if checkpoint is not None else "absent" if building is None else "building"
    return ViewState(view.name, view.version, state, checkpoint or 0, building, size)


async def _create_backup(settings: Settings, file: BackupFile, progress: Progress) -> Made:
    passphrase = file.ask() if file.ask else None
    await app.check_is_set_up(settings)
    stores, sealed = await app.open_stores(settings), await app.open_sealed_keys(settings)
    keys = KeyRing(stores.keys)
    try:
        notary = Notary(stores.log, Tree(stores.log), keys, stores.checkpoints)
        sources = Sources(stores.log, sealed, await notary.checkpoint())
        return await create(file.path, sources, clock.now(), passphrase, partial(progress, "backup"))
    finally:
        await sealed.close()
        await keys.close()
        await stores.close()


async def _restore_backup(
    settings: Settings, file: BackupFile, progress: Progress, *, kept: Kept, loss: Loss | None
) -> Restored:
    ask = cache(_asking(file))
    found = await verify_file(file.path, ask, kept, partial(progress, "checking"))
    if found.report.findings or found.mark is None:
        raise LocalFailure(f"{file.path}: the backup isn't sound: es-pki backup verify says what is wrong")
    ending = record_of_loss(found, kept, loss, clock.now())
    advice = left_to_do(app.master_key_at_hand(settings, found.mark), found.mark, settings.key_file)
    async with app.restore_target(settings) as target:
        heard = partial(progress, "restoring")
        done = await restore(file.path, ask, found, target, ending=ending, heard=heard)
    return replace(done, advice=advice or "the master key is in its place: es-pki serve goes on")


def _asking(file: BackupFile) -> Callable[[], str]:
    """Return what gives the passphrase of a file that turns out to be sealed."""
    if file.ask is None:
        raise LocalFailure("the backup is sealed, and nobody said where its passphrase is")
    return file.ask


def main() -> None:
    """Run the command line. What it makes is its owner's alone."""
    os.umask(0o077)
    sys.exit(run(sys.argv[1:], LocalWork()))


if __name__ == "__main__":
    main()
