"""A program of the administrator's that writes and removes records.

It is told by its arguments what to do, and its credentials by standard input. What it says when it fails is told to
whoever waits, without anything that looks like the credentials.
"""

import os
import re

from msgspec import Struct

from es_pki.adapters import program
from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.writer import TXTRecord
from es_pki.adapters.program import NotRun, Work
from es_pki.adapters.redaction import without
from es_pki.values.dns import HookProgram

HOOK_SECONDS = 60.0

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class HookRules(Struct, frozen=True):
    """What hooks may do here: which programs may be started, as whom ("": as es-pki, unless that is root)."""

    programs: tuple[str, ...] = ()
    user: str = ""
    seconds: float = HOOK_SECONDS


class Hook:
    """See `Writer`. The program has to find done what was done."""

    def __init__(self, settings: HookProgram, secret: bytes, rules: HookRules) -> None:
        self._settings = settings
        self._secret = secret
        self._rules = rules

    async def add(self, record: TXTRecord) -> None:
        """Have the program put a value beside those that the name has."""
        await self._run("present", record)

    async def remove(self, record: TXTRecord) -> None:
        """Have the program take a value away."""
        await self._run("cleanup", record)

    async def _run(self, verb: str, record: TXTRecord) -> None:
        path = self._settings.program
        told = {"{verb}": verb, "{name}": f"{record.name}.", "{value}": record.value}
        arguments = [_filled_in(argument, told) for argument in self._settings.arguments]
        work = Work((path, *arguments), ENVIRONMENT, self._secret, self._rules.seconds, self._user(path))
        try:
            ran = await program.run(work)
        except NotRun as failed:
            raise DNSFailed(f"the hook {path} failed: {failed}") from None
        if ran.status:
            said = " ".join(without(self._secret, ran.output).split())
            raise DNSFailed(f"the hook {path} ended with status {ran.status}: {said or 'it said nothing'}")

    def _user(self, path: str) -> str | None:
        """Return as whom the program runs. Raises `DNSFailed` for what may not be started."""
        if path not in self._rules.programs:
            raise DNSFailed(f"the hook {path} is not among those of the setting dns_hooks", is_final=True)
        if os.geteuid() != 0:
            return None
        if not self._rules.user:
            raise DNSFailed("es-pki runs as root: the setting dns_hook_user says as whom hooks run", is_final=True)
        return self._rules.user


def _filled_in(argument: str, told: dict[str, str]) -> str:
    return re.sub(r"\{(verb|name|value)\}", lambda found: told[found.group()], argument)
