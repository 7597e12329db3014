"""A large new file that is there whole or not at all, never in place of another, and its owner's alone (0600)."""

import errno
import os
from pathlib import Path

from es_pki.adapters.backup.refusals import BackupRefused

UNFINISHED = ".unfinished"

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links answer: those of some network drives."""


class NewFile:
    """A file on its way. Leave the context without `finish`, and nothing is left of it."""

    def __init__(self, path: Path) -> None:
        """Begin it beside its place. Raises `BackupRefused` when the place is taken, or can't be written."""
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
        _check_is_free(path)
        try:
            self._unfinished.unlink(missing_ok=True)
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BackupRefused(f"{path}: can't be written: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> "NewFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Write more. Raises `OSError`."""
        self._file.write(content)

    def finish(self) -> int:
        """Make it durable and put it in its place; return its size. Raises `BackupRefused` and `OSError`."""
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            os.link(self._unfinished, self._path)
        except FileExistsError:
            _check_is_free(self._path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _check_is_free(self._path)
            self._unfinished.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._path.stat().st_size


def _check_is_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise BackupRefused(f"{path}: there is a file already; a backup is never written over another")
