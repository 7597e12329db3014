"""What the command line does on a data folder without a server; `es_pki/__main__.py` provides it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from es_pki.config import Settings
from eventlog import Report
from eventlog.note import VerifierKey


class LocalFailure(Exception):
    """The data folder can't be used as asked; the message says why and what to do."""


class Kept(NamedTuple):
    """A checkpoint kept elsewhere, a note, and the keys to trust for it; none: those that the log tells of."""

    note: str
    keys: tuple[VerifierKey, ...]


class ViewState(NamedTuple):
    """How far a view has come: the position that it has reached, and the log's last."""

    name: str
    version: int
    checkpoint: int
    log_size: int


class Progress(Protocol):
    """Hears how far a long work has come: `done` of `total` positions. May be called as often as one likes."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note; `what` names the part of the work (the log, or a view)."""
        ...


class Local(Protocol):
    """Work on the stores that the settings name. Everything raises `LocalFailure` and `eventlog.LogError`."""

    def serve(self, settings: Settings) -> int:
        """Run the server until it is told to stop; return the exit status."""
        ...

    def set_up(self, settings: Settings) -> None:
        """Make the master key, the administrator's token and the first authorities, unless they are there."""
        ...

    def let_administrator_in(self, settings: Settings, name: str) -> str:
        """Create an administrator and return its token."""
        ...

    def verify_log(self, settings: Settings, progress: Progress, *, deep: bool, kept: Kept | None) -> Report:
        """Read the whole log and return what contradicts its evidence, or a checkpoint that was kept.

        `deep`: and what its events contradict.
        """
        ...

    def rebuild_views(self, settings: Settings, names: Sequence[str], progress: Progress) -> None:
        """Build views anew from position 0; no names: all of them. An unknown name raises `LocalFailure`."""
        ...

    def view_states(self, settings: Settings) -> Sequence[ViewState]:
        """Return how far each view has come."""
        ...
