"""http-01 through the folder of a web server: each answer is a file below it, whole, and readable by everybody.

Only in folders that a setting names. Below those no link is followed, so that nobody who may write there leads es-pki
elsewhere; a link in an answer's place is replaced or removed itself.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from es_pki.adapters.deployment.allowed import Allowed
from es_pki.adapters.deployment.folders import opened
from es_pki.adapters.deployment.step import StepFailed, said_by
from es_pki.decider import Kind, Refused, Violation

FOLDERS = (".well-known", "acme-challenge")
"""Below the web server's own (RFC 8555 section 8.3)."""

LARGEST_ANSWER = 1024

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KNOWN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class WebrootNotAllowed(Refused):
    """The settings don't allow this folder of a web server. Add it to `acme_webroots`, or name one that is there.

    The setting is empty at first. It is read when the server starts.
    """

    kind = Kind.FORBIDDEN


class WebrootFailed(Exception):
    """A folder or file could not be used; the text says which and why."""


class Webroots:
    """The folders in which answers may be put. Methods block, and raise `WebrootFailed` besides what they say."""

    def __init__(self, folders: tuple[str, ...] = ()) -> None:
        self._allowed = Allowed(folders)

    def check(self, webroot: str) -> None:
        """Require that the settings allow a folder. Raises `WebrootNotAllowed`."""
        if not self.allows(webroot):
            detail = "the folder lies in none of the setting acme_webroots"
            raise WebrootNotAllowed(detail, Violation("webroot", "acme_webroots", detail))

    def allows(self, webroot: str) -> bool:
        """Tell whether the settings allow a folder."""
        return self._allowed.folder_above(f"{webroot}/.") is not None

    def put(self, webroot: str, token: str, answer: str) -> None:
        """Write the answer under its token; folders below the web server's own are made. Raises `WebrootNotAllowed`."""
        self.check(webroot)
        new = f".{token}.new"
        with self._place(webroot, make=True) as folder:
            _remove(folder, new)
            descriptor = os.open(new, _NEW_FILE, 0o600, dir_fd=folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(answer.encode())
                os.fchmod(descriptor, 0o644)
            os.rename(new, token, src_dir_fd=folder, dst_dir_fd=folder)

    def get(self, webroot: str, token: str) -> str | None:
        """Return what is there under a token, None if nothing is."""
        try:
            with self._place(webroot) as folder, os.fdopen(os.open(token, _KNOWN_FILE, dir_fd=folder), "rb") as file:
                return file.read(LARGEST_ANSWER).decode(errors="replace")
        except FileNotFoundError:
            return None

    def remove(self, webroot: str, token: str) -> None:
        """Remove the answer under its token; one that is gone, alone or with its folder, is fine."""
        if not Path(webroot).exists():
            return
        with contextlib.suppress(FileNotFoundError), self._place(webroot) as folder:
            _remove(folder, f".{token}.new")
            _remove(folder, token)

    @contextlib.contextmanager
    def _place(self, webroot: str, *, make: bool = False) -> Iterator[int]:
        """Open the folder of the answers. Raises `FileNotFoundError` if it isn't there and is not to be made."""
        where = f"{webroot}/{'/'.join(FOLDERS)}"
        try:
            with opened(self._allowed, webroot) as root, contextlib.ExitStack() as stack:
                folder = root
                for name in FOLDERS:
                    folder = _below(folder, name, make=make)
                    stack.callback(os.close, folder)
                yield folder
        except StepFailed as failed:
            raise WebrootFailed(failed.reason) from None
        except FileNotFoundError:
            if make:
                raise WebrootFailed(f"{where} went away") from None
            raise
        except NotADirectoryError:
            raise WebrootFailed(f"{where} is, or is reached by, a link or no folder") from None
        except OSError as error:
            raise WebrootFailed(f"{where} can't be used: {said_by(error)}") from None


def _below(above: int, name: str, *, make: bool) -> int:
    """Open a folder below another; one of ours into which nobody else may go is opened to everybody."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=above)
    folder = os.open(name, _FOLDER, dir_fd=above)
    status = os.fstat(folder)
    if make and status.st_uid == os.geteuid() and not status.st_mode & stat.S_IXOTH:
        os.fchmod(folder, 0o755)  # our umask let nobody in
    return folder


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
