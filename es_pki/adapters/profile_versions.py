"""Whether what the log says of profiles can be: versions follow each other, and certificates name the newest one.

A part of the deep audit (`examination.py`). Of built-in profiles the log says nothing: every release has its own.
"""

from collections.abc import Iterator

from es_pki.commands.built_in import BUILT_IN
from es_pki.events.authority import AuthorityPrepared
from es_pki.events.certificate import CertificatePrepared
from es_pki.events.happened import Happened
from es_pki.events.profile import ProfileDefined, ProfileRetired


class ProfileVersions:
    """The profiles as far as the log was read: names by id, newest versions, and which are in use."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._newest: dict[str, int] = {}
        self._in_use: dict[str, bool] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield what can't be of one event after those before it."""
        match happened.event:
            case ProfileDefined(name=name, version=version):
                if version != self._newest.get(name, 0) + 1 or self._names.get(happened.id, name) != name:
                    yield f"version {version} of the profile {name} doesn't follow the one before"
                self._names[happened.id], self._newest[name], self._in_use[name] = name, version, True
            case ProfileRetired():
                name = self._names.get(happened.id, "")
                if not self._in_use.get(name):
                    yield "a profile was retired that was not in use"
                self._in_use[name] = False
            case (
                CertificatePrepared(profile=name, profile_version=version)
                | AuthorityPrepared(profile=name, profile_version=version)
            ) if name and name not in BUILT_IN:
                if not self._in_use.get(name) or self._newest[name] != version:
                    yield f"it was prepared under version {version} of the profile {name}, which was not in use"
            case _:
                pass
