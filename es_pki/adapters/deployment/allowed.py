"""What the settings let services have: folders for their files, programs that are run for them.

Whoever may register a service need not be whoever owns this machine: the settings are the latter's word.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from es_pki.config import Settings
from es_pki.decider import Kind, Refused, Violation
from es_pki.events.service import Installation

NOT_WRITTEN = frozenset({"passphrase_file", "pid_file", "tgtd_socket"})
"""Fields whose path may itself be one of the allowed: es-pki makes nothing there."""


class NotAllowed(Refused):
    """The settings don't allow this folder or program. Add it to `service_folders` or `service_programs`, or move it.

    Both settings are empty at first. They are read when the server starts.
    """

    kind = Kind.FORBIDDEN


class Allowed(Struct, frozen=True):
    """The folders, and the beginnings of argument lists, that services may have."""

    folders: tuple[str, ...] = ()
    programs: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def by(cls, settings: Settings) -> "Allowed":
        """Return what the settings allow."""
        return cls(settings.service_folders, tuple(tuple(entry.split()) for entry in settings.service_programs))

    def check(self, installation: Installation) -> None:
        """Raise `NotAllowed` for an installation that leaves the allowed, naming each field that does."""
        found = tuple(self._violations(installation))
        if found:
            raise NotAllowed(found[0].detail, *found)

    def folder_above(self, path: str) -> str | None:
        """Return the allowed folder in which a path lies, the innermost; None if there is none."""
        found = [folder for folder in self.folders if path.startswith(folder.rstrip("/") + "/")]
        return max(found, key=len, default=None)

    def _violations(self, installation: Installation) -> Iterator[Violation]:
        paths = {f"files[{index}].path": file.path for index, file in enumerate(installation.files)}
        for field in ("link", "passphrase_file", "pid_file", "chap_secrets_file", "tgtd_socket"):
            paths[field] = getattr(installation, field)
        for field, path in paths.items():
            is_read = field in NOT_WRITTEN and path in self.folders
            if path and not is_read and self.folder_above(path) is None:
                detail = "the path lies in none of the folders of the setting service_folders"
                yield Violation(field, "service_folders", detail)
        for field in ("test_command", "reload_command", "start_command", "login_command"):
            command = getattr(installation, field)
            if command and not self._is_program(command):
                detail = "the program, with these arguments, is none of the setting service_programs"
                yield Violation(field, "service_programs", detail)

    def _is_program(self, command: Sequence[str]) -> bool:
        return any(tuple(command[: len(beginning)]) == beginning for beginning in self.programs)
