"""The files of a deployment: written beside their places, switched at once, and taken back if need be.

Beside each place stand, as long as a deployment lasts, dotted names with its id:

    .NAME.ID.new      what is to take the place, complete, with its owner and mode
    .NAME.ID.before   what was there before (the same file, by a second name), or
    .NAME.ID.absent   that nothing was there

Everything that was there is kept before anything is switched, so whoever finds these names after a crash knows how far
it had come: each step may be done again. A place is a file, or the link to the folder `LINK.ID` with all of them.
"""

import contextlib
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterator, Mapping
from posixpath import basename, dirname

from es_pki.adapters.deployment.allowed import Allowed
from es_pki.adapters.deployment.folders import opened
from es_pki.adapters.deployment.step import StepFailed, said_by
from es_pki.events.service import DeploymentStep, Installation

_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Files:
    """The files of one deployment of one service. Every method raises `StepFailed`, and may be called again."""

    def __init__(self, allowed: Allowed, installation: Installation, deployment_id: str) -> None:
        self._allowed = allowed
        self._installation = installation
        self._id = deployment_id
        link = installation.link
        self._places = (link,) if link else tuple(file.path for file in installation.files)

    def stage(self, contents: Mapping[str, bytes]) -> None:
        """Write what is to come beside its places; `contents` by path. Nothing is switched."""
        mode, owner, group = int(self._installation.mode, 8), *self._accounts()
        with _failing(DeploymentStep.STAGE, "the files can't be written"):
            if self._installation.link:
                self._stage_folder(contents, mode, owner, group)
                return
            for path, content in contents.items():
                with opened(self._allowed, dirname(path)) as folder:
                    new = self._beside(path, "new")
                    _remove(folder, new)
                    _write(folder, new, content, mode=mode, owner=owner, group=group)

    def _stage_folder(self, contents: Mapping[str, bytes], mode: int, owner: int, group: int) -> None:
        link = self._installation.link
        version, new = f"{basename(link)}.{self._id}", self._beside(link, "new")
        with opened(self._allowed, dirname(link)) as above:
            with contextlib.suppress(FileExistsError):
                os.mkdir(version, 0o700, dir_fd=above)
            with opened(self._allowed, f"{dirname(link)}/{version}") as folder:
                os.fchown(folder, owner, group)
                os.fchmod(folder, mode | (mode & 0o440) >> 2 | 0o300)
                for path, content in contents.items():
                    # A folder that is linked already, by a deployment that goes on after a crash, stays whole.
                    _remove(folder, ".new")
                    _write(folder, ".new", content, mode=mode, owner=owner, group=group)
                    os.rename(".new", basename(path), src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            _remove(above, new)
            os.symlink(version, new, dir_fd=above)
            os.fsync(above)

    def keep(self) -> None:
        """Keep what is in the places, unless that was done before."""
        with _failing(DeploymentStep.STAGE, "what is there can't be kept"):
            for path in self._places:
                with opened(self._allowed, dirname(path)) as folder:
                    self._keep(folder, path)
                    os.fsync(folder)

    def _keep(self, folder: int, path: str) -> None:
        name, before, absent = basename(path), self._beside(path, "before"), self._beside(path, "absent")
        if _exists(folder, before) or _exists(folder, absent):
            return
        there = _status(folder, name)
        if there is None:
            os.close(os.open(absent, _NEW_FILE, 0o600, dir_fd=folder))
        elif stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode):
            os.link(name, before, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        else:
            raise StepFailed(DeploymentStep.STAGE, f"{path} is neither a file nor a link: move it away")

    @property
    def are_kept(self) -> bool:
        """Tell whether all that was there was kept, so that something may have been switched since."""
        with contextlib.suppress(StepFailed):
            return bool(self._places) and all(self._is_kept(path) for path in self._places)
        return False

    def _is_kept(self, path: str) -> bool:
        with opened(self._allowed, dirname(path)) as folder:
            return any(_exists(folder, self._beside(path, end)) for end in ("before", "absent"))

    def before(self, path: str) -> bytes | None:
        """Return what a file held before, None where there was none."""
        link = self._installation.link
        kept = f"{dirname(path)}/{self._beside(path, 'before')}"
        if link:
            kept = f"{dirname(link)}/{self._beside(link, 'before')}/{basename(path)}"
        try:
            with open(kept, "rb") as file:  # noqa: PTH123 - through our own link, to whatever the service had before
                return file.read(1 << 20)
        except OSError:
            return None

    def switch(self) -> None:
        """Put what was written into its places, each by one renaming."""
        with _failing(DeploymentStep.SWITCH, "the files can't be switched"):
            for path in self._places:
                with opened(self._allowed, dirname(path)) as folder:
                    self._take_place(folder, self._beside(path, "new"), basename(path))

    def restore(self) -> None:
        """Put back what was there before."""
        with _failing(DeploymentStep.RESTORE, "the files from before can't be put back"):
            for path in self._places:
                with opened(self._allowed, dirname(path)) as folder:
                    self._restore(folder, path)

    def _restore(self, folder: int, path: str) -> None:
        name, before, back = basename(path), self._beside(path, "before"), self._beside(path, "back")
        if _exists(folder, before):
            _remove(folder, back)
            os.link(before, back, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            self._take_place(folder, back, name)
            _remove(folder, back)  # renaming to another name of the same file leaves both
        elif _exists(folder, self._beside(path, "absent")):
            _remove(folder, name)
            os.fsync(folder)

    @staticmethod
    def _take_place(folder: int, new: str, name: str) -> None:
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)

    def clean(self) -> None:
        """Remove what this deployment and earlier ones of the same places left beside them."""
        with _failing(DeploymentStep.STAGE, "what is left over can't be removed"):
            for path in self._places:
                with opened(self._allowed, dirname(path)) as folder:
                    left = re.compile(rf"\.{re.escape(basename(path))}\.{_ID}\.(new|before|absent|back)")
                    for name in _names(folder):
                        if left.fullmatch(name):
                            _remove(folder, name)
                    if self._installation.link:
                        self._clean_versions(folder)

    def _clean_versions(self, above: int) -> None:
        """Remove the folders of versions that are linked no more."""
        link = basename(self._installation.link)
        linked = os.readlink(link, dir_fd=above) if _exists(above, link) else ""
        for version in _names(above):
            if version != linked and re.fullmatch(rf"{re.escape(link)}\.{_ID}", version):
                with opened(self._allowed, f"{dirname(self._installation.link)}/{version}") as folder:
                    for name in _names(folder):
                        _remove(folder, name)
                os.rmdir(version, dir_fd=above)

    def _beside(self, path: str, end: str) -> str:
        return f".{basename(path)}.{self._id}.{end}"

    def _accounts(self) -> tuple[int, int]:
        """Return the numbers of owner and group, -1 for our own. Raises `StepFailed`."""
        owner, group = self._installation.owner, self._installation.group
        try:
            return pwd.getpwnam(owner).pw_uid if owner else -1, grp.getgrnam(group).gr_gid if group else -1
        except KeyError:
            reason = f"there is no user {owner} or no group {group} on this machine"
            raise StepFailed(DeploymentStep.STAGE, reason) from None


@contextlib.contextmanager
def _failing(step: DeploymentStep, what: str) -> Iterator[None]:
    """Turn what the system refuses into the failure of a step."""
    try:
        yield
    except OSError as error:
        raise StepFailed(step, f"{what}: {said_by(error)}") from None


def _write(folder: int, name: str, content: bytes, *, mode: int, owner: int, group: int) -> None:
    """Write a new file, durably. It has its owner and mode before it has content."""
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        os.fchown(descriptor, owner, group)
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def _exists(folder: int, name: str) -> bool:
    return _status(folder, name) is not None


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
