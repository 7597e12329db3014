"""The stores of an installation: the one place that knows which backends they have."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from es_pki.adapters.backup import BackupRefused
from es_pki.adapters.backup.restoring import Target
from es_pki.adapters.checkpoints import CheckpointStore
from es_pki.adapters.checkpoints.postgres import PostgresCheckpoints
from es_pki.adapters.checkpoints.sqlite import SQLiteCheckpoints
from es_pki.adapters.keystore import KeyStore
from es_pki.adapters.keystore.master import MasterSource, StoreMark, for_what_is_there, from_file, from_passphrase
from es_pki.adapters.keystore.postgres import PostgresKeyStore, PostgresSealedKeys
from es_pki.adapters.keystore.sealed import SealedKeys
from es_pki.adapters.keystore.sqlite import SQLiteKeyStore, SQLiteSealedKeys
from es_pki.adapters.lease import AdvisoryLease, FileLease, Lease
from es_pki.adapters.reactions import EffectStore
from es_pki.adapters.reactions.store import PostgresEffects, SQLiteEffects
from es_pki.adapters.views import ViewStore
from es_pki.adapters.views.postgres import PostgresViews
from es_pki.adapters.views.sqlite import SQLiteViews
from es_pki.config import Settings
from eventlog import Log
from eventlog.postgres import PostgresLog
from eventlog.sqlite import SQLiteLog


class Stores(Struct, frozen=True):
    """The stores of an installation, and the lease of the one process that follows and reacts."""

    log: Log
    keys: KeyStore
    checkpoints: CheckpointStore
    views: ViewStore
    effects: EffectStore
    lease: Lease

    async def close(self) -> None:
        """Release them, the log last."""
        await self.lease.release()
        for store in (self.views, self.checkpoints, self.keys, self.log):
            await store.close()


async def open_log(settings: Settings) -> Log:
    """Open the log that the settings name."""
    if settings.database_url:
        return await PostgresLog.open(settings.database_url)
    return await SQLiteLog.open(settings.folder / "log.db")


async def open_stores(settings: Settings) -> Stores:
    """Open all stores, making what is absent; a new data folder is its owner's alone (0700).

    Raises `KeyStoreRefused`, `BackupRefused` (the log has gone), `NotOurFile`, `LogError` and `OSError`.
    """
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = from_passphrase(settings.master_passphrase) if settings.master_passphrase else from_file(settings.key_file)
    log = await open_log(settings)
    try:
        if (await log.head()).size > 0:
            source = for_what_is_there(source)
        else:
            await _check_log_is_new(settings)
        if settings.database_url:
            return await _open_on_postgres(settings.database_url, source, log)
        return await _open_in_folder(settings.folder, source, log)
    except BaseException:
        await log.close()
        raise


async def _open_in_folder(folder: Path, source: MasterSource, log: Log) -> Stores:
    keys = await SQLiteKeyStore.open(folder / "keys.db", source)
    views = await SQLiteViews.open(folder / "views.db")
    return Stores(
        log=log,
        keys=keys,
        checkpoints=await SQLiteCheckpoints.open(folder / "checkpoint.db"),
        views=views,
        effects=SQLiteEffects(views.database),
        lease=FileLease(folder / "follower.lock"),
    )


async def _open_on_postgres(url: str, source: MasterSource, log: Log) -> Stores:
    keys = await PostgresKeyStore.open(url, source)
    views = await PostgresViews.open(url)
    return Stores(
        log=log,
        keys=keys,
        checkpoints=await PostgresCheckpoints.open(url),
        views=views,
        effects=PostgresEffects(views.pool),
        lease=AdvisoryLease(url, "follower"),
    )


async def check_is_set_up(settings: Settings) -> None:
    """Require a log with records, and make nothing where there is none. Raises `BackupRefused` and `LogError`."""
    size = 0
    if settings.database_url or (settings.folder / "log.db").exists():
        log = await open_log(settings)
        size = (await log.head()).size
        await log.close()
    if size == 0:
        place = "the database" if settings.database_url else settings.data_dir
        raise BackupRefused(f"nothing was set up in {place}: there is nothing to back up")


async def _check_log_is_new(settings: Settings) -> None:
    """Refuse to begin a log where one was: whose records have gone, or whose restore was stopped."""
    checkpoints = await open_checkpoints(settings)
    try:
        last = await checkpoints.last()
    finally:
        await checkpoints.close()
    if last is not None:
        problem = f"a checkpoint over {last.size} records was signed, and the log has none"
        raise BackupRefused(
            f"{problem}: restore it from a backup (es-pki backup restore); one that was stopped goes on"
        )


async def open_checkpoints(settings: Settings) -> CheckpointStore:
    """Open the store of the last signed checkpoint."""
    if settings.database_url:
        return await PostgresCheckpoints.open(settings.database_url)
    return await SQLiteCheckpoints.open(settings.folder / "checkpoint.db")


async def open_sealed_keys(settings: Settings) -> SealedKeys:
    """Open the key store without the master key: for what is copied as it lies."""
    if settings.database_url:
        return await PostgresSealedKeys.open(settings.database_url)
    return await SQLiteSealedKeys.open(settings.folder / "keys.db")


def master_key_at_hand(settings: Settings, mark: StoreMark) -> MasterSource | None:
    """Return where the master key of a key store can be had, None if nothing says so."""
    if mark.salt:
        return from_passphrase(settings.master_passphrase) if settings.master_passphrase else None
    return from_file(settings.key_file) if settings.key_file.exists() else None


@asynccontextmanager
async def restore_target(settings: Settings) -> AsyncIterator[Target]:
    """Open the stores that a backup is restored into, making what is absent; nobody sets them up meanwhile."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lease = set_up_lease(settings)
    await lease.acquire()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(lease.release)
        log = await open_log(settings)
        stack.push_async_callback(log.close)
        keys = await open_sealed_keys(settings)
        stack.push_async_callback(keys.close)
        checkpoints = await open_checkpoints(settings)
        stack.push_async_callback(checkpoints.close)
        views: ViewStore = await (
            PostgresViews.open(settings.database_url)
            if settings.database_url
            else SQLiteViews.open(settings.folder / "views.db")
        )
        stack.push_async_callback(views.close)
        yield Target(log, keys, checkpoints, views)


def set_up_lease(settings: Settings) -> Lease:
    """Return the lease of the one process that sets a new installation up."""
    if settings.database_url:
        return AdvisoryLease(settings.database_url, "set-up")
    return FileLease(settings.folder / "set-up.lock")
