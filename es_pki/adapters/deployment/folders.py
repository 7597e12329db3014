"""Folders of services, opened so that nobody can lead us elsewhere: from an allowed folder down, never by a link."""

import contextlib
import os
from collections.abc import Iterator
from posixpath import basename, dirname

from es_pki.adapters.deployment.allowed import Allowed
from es_pki.adapters.deployment.step import StepFailed, said_by
from es_pki.events.service import DeploymentStep

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def opened(allowed: Allowed, folder: str) -> Iterator[int]:
    """Open a folder for as long as the context lasts. Raises `StepFailed`.

    The allowed folder itself may be reached by a link: that is its owner's word. Nothing below it may.
    """
    root = allowed.folder_above(folder + "/.")
    if root is None:
        raise StepFailed(DeploymentStep.STAGE, f"{folder} lies in none of the folders of the setting service_folders")
    descriptor = _opened(root, None, shown=root)
    try:
        shown = root
        for part in folder.removeprefix(root).strip("/").split("/"):
            if part:
                shown = f"{shown.rstrip('/')}/{part}"
                above, descriptor = descriptor, _opened(part, descriptor, shown=shown)
                os.close(above)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(name: str, above: int | None, *, shown: str) -> int:
    try:
        return os.open(name, _FOLDER | (0 if above is None else os.O_NOFOLLOW), dir_fd=above)
    except FileNotFoundError:
        raise StepFailed(DeploymentStep.STAGE, f"the folder {shown} doesn't exist: make it") from None
    except NotADirectoryError:
        raise StepFailed(DeploymentStep.STAGE, f"{shown} is a link or no folder: name its own place") from None
    except OSError as error:
        raise StepFailed(DeploymentStep.STAGE, f"the folder {shown} can't be opened: {said_by(error)}") from None


def read(allowed: Allowed, path: str, limit: int) -> bytes:
    """Return the first `limit` bytes of a file that is, or lies below, what is allowed. Raises `StepFailed`."""
    try:
        with contextlib.ExitStack() as stack:
            if path in allowed.folders:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            else:
                folder = stack.enter_context(opened(allowed, dirname(path)))
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(basename(path), flags, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(limit)
    except OSError as error:
        raise StepFailed(DeploymentStep.STAGE, f"{path} can't be read: {said_by(error)}") from None
