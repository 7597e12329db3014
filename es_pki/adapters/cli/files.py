"""Answers into files: whole or not at all, secrets for the owner's eyes only."""

import errno
import os
import sys
from pathlib import Path

from es_pki.adapters.cli.session import Misused

LARGEST_INPUT = 1024 * 1024


def check(file: str | None) -> None:
    """Raise `Misused` when a file can't be written: before something is done whose answer goes there."""
    target = Path(file) if file is not None else None
    if target is None or (target.exists() and not target.is_file() and not target.is_dir()):
        return
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        unfinished = _unfinished(target)
        unfinished.touch()
        unfinished.unlink()
    except OSError as error:
        raise Misused(f"{file}: can't be written: {error.strerror}") from error


def write(file: str | None, content: bytes, *, is_text: bool = True) -> None:
    """Write to a file, or to standard output; never bytes to a terminal. Raises `Misused`.

    A file that holds just this stays as it is: who watches it has nothing to do.
    """
    if file is None:
        if not is_text and sys.stdout.isatty():
            raise Misused("these bytes are nothing for a terminal: name a file with -o")
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    target = Path(file)
    unfinished = _unfinished(target)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)  # /dev/stdout and pipes
            return
        if target.exists() and target.read_bytes() == content:
            return
        unfinished.write_bytes(content)
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Misused(f"{file}: can't be written: {error.strerror}") from error


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def read(file: str) -> bytes:
    """Read a file, or standard input for `-`. Raises `Misused`."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(LARGEST_INPUT + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(LARGEST_INPUT + 1)
    except OSError as error:
        raise Misused(f"{file}: can't be read: {error.strerror}") from error
    if len(content) > LARGEST_INPUT:
        raise Misused(f"{file}: larger than a request may be")
    return content


class SecretFile:
    """A new file (0600) that is there before the secret is; without a secret it goes again."""

    def __init__(self, file: str) -> None:
        """Create the file. Raises `Misused`, also when there is one: a secret is never written over another."""
        self._path = Path(file)
        self._written = False
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise Misused(f"{file}: can't be created: {error.strerror}") from error

    def __enter__(self) -> "SecretFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._written:
            self._path.unlink(missing_ok=True)

    def write(self, secret: str) -> None:
        """Write the secret as a line, durably."""
        self.write_bytes(secret.encode() + b"\n")

    def write_bytes(self, secret: bytes) -> None:
        """Write the secret as it is, durably."""
        rest = memoryview(secret)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)
        self._written = True
