"""Backups that are made by themselves. What is there says when the next is due: a file's name has its time.

So a backup that was missed because no server ran is made up at the start, and whichever server has the lease goes on
where the one before stopped. Older ones go only after a new one was verified, and only files named as ours are.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from es_pki.adapters.backup import passphrase
from es_pki.adapters.backup.new_file import UNFINISHED
from es_pki.adapters.backup.refusals import BackupRefused
from es_pki.adapters.backup.verifying import verify
from es_pki.adapters.backup.writing import Made, Sources, create
from es_pki.adapters.checkpoints import Notary
from es_pki.adapters.keystore.sealed import SealedKeys
from es_pki.config import Settings
from eventlog import Log

LOG = logging.getLogger("es_pki.backup")

RETRY = timedelta(minutes=15)
"""How long after a failure it is tried again, at most."""

_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"es-pki-(?P<time>[0-9]{8}T[0-9]{6}Z)-[0-9]+\.backup")
_LEFT_OVER = re.compile(rf"{_NAME.pattern}\.[0-9]+{re.escape(UNFINISHED)}")


class Plan(Struct, frozen=True):
    """Where backups go, how often, how many stay, and the file with the passphrase to seal them with, if any."""

    folder: Path
    every: timedelta
    keep: int
    passphrase_file: Path | None


class State(Struct, frozen=True):
    """What became of the schedule in this process: the newest backup, failures since then, and the last one's kind."""

    newest: datetime | None = None
    failures: int = 0
    error: str | None = None


class ScheduledBackups:
    """Makes a backup when one is due; a failure is logged and counted, and stops nothing else."""

    def __init__(
        self,
        plan: Plan,
        log: Log,
        notary: Notary,
        open_keys: Callable[[], Awaitable[SealedKeys]],
        now: Callable[[], datetime],
    ) -> None:
        self._plan = plan
        self._log = log
        self._notary = notary
        self._open_keys = open_keys
        self._now = now
        self._not_before: datetime | None = None
        self.state = State()

    async def look(self) -> None:
        """Make a backup if one is due."""
        now, plan = self._now(), self._plan
        if self._not_before is not None and now < self._not_before:
            return
        try:
            newest = await asyncio.to_thread(_newest, plan.folder, now)
            if newest is None or now - newest >= plan.every:
                made = await self._make(now)
                newest = now
                LOG.info("a backup was made", extra={"fields": {"file": made.file, "records": made.size}})
        except Exception as error:
            self._not_before = now + min(RETRY, plan.every)
            self.state = State(self.state.newest, self.state.failures + 1, type(error).__name__)
            LOG.exception("a scheduled backup failed", extra={"fields": {"failures": self.state.failures}})
        else:
            self._not_before = None
            self.state = State(newest)

    async def _make(self, now: datetime) -> Made:
        plan = self._plan
        secret = passphrase.from_file(plan.passphrase_file) if plan.passphrase_file else None
        signed = await self._notary.checkpoint()
        path = plan.folder / f"es-pki-{now.astimezone(UTC):{_TIME}}-{signed.size}.backup"
        await asyncio.to_thread(_prepare, plan.folder)
        keys = await self._open_keys()
        try:
            made = await create(path, Sources(self._log, keys, signed), now, secret)
        finally:
            await keys.close()
        found = await verify(path, lambda: secret or "")
        if found.report.findings:
            await asyncio.to_thread(path.unlink)
            position, problem = found.report.findings[0]
            raise BackupRefused(f"the backup that was made isn't sound: position {position}: {problem}")
        await asyncio.to_thread(_remove_older, plan.folder, plan.keep, path)
        return made


def plan_of(settings: Settings) -> Plan | None:
    """Return what the settings want, None for no scheduled backups."""
    if not settings.backup_every_hours:
        return None
    file = settings.backup_passphrase_file
    return Plan(
        folder=Path(settings.backup_dir),
        every=timedelta(hours=settings.backup_every_hours),
        keep=settings.backup_keep,
        passphrase_file=Path(file) if file else None,
    )


def _newest(folder: Path, now: datetime) -> datetime | None:
    """Return the time of the newest backup that isn't of the future: a clock that went wrong stops nothing."""
    times = (_time_of(path) for path in folder.iterdir()) if folder.exists() else ()
    return max((time for time in times if time is not None and time <= now), default=None)


def _time_of(path: Path) -> datetime | None:
    named = _NAME.fullmatch(path.name)
    try:
        return datetime.strptime(named["time"], _TIME).replace(tzinfo=UTC) if named else None
    except ValueError:
        return None


def _prepare(folder: Path) -> None:
    """Make the folder, and remove what a process that was killed has left over; only one process schedules."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if _LEFT_OVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _remove_older(folder: Path, keep: int, made: Path) -> None:
    """Remove all but the newest `keep` backups, and never the one that was just made."""
    backups = sorted(path for path in folder.iterdir() if _time_of(path) is not None)
    for path in backups[:-keep]:
        if path != made:
            path.unlink(missing_ok=True)
