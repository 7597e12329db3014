"""tgtd, spoken to over its control socket as `tgtadm` speaks to it, which takes secrets only as arguments (ADR 26).

A request is a header of 120 octets in the machine's own order, then words that end with a NUL; an answer is a header of
8 octets, the error and the whole length, then text.
"""

import asyncio
import re
import socket
import struct
from enum import IntEnum
from posixpath import basename, dirname
from typing import NamedTuple

from es_pki.adapters.deployment.allowed import Allowed
from es_pki.adapters.deployment.folders import opened
from es_pki.adapters.deployment.step import StepFailed, said_by
from es_pki.events.service import DeploymentStep

ANSWER_SECONDS = 5.0

LONGEST_ANSWER = 1 << 20

_REQUEST = struct.Struct("=ii64sIiQQIIIIII")
_ANSWER = struct.Struct("=II")
_CREDENTIALS = struct.Struct("=iii")

_NO_UNIT = (1 << 64) - 1

_TARGET = re.compile(r"^Target (\d+): (.*)$")


class _Mode(IntEnum):
    """What a request is about."""

    TARGET = 1
    ACCOUNT = 7


class _Verb(IntEnum):
    """What is to be done with it."""

    NEW = 0
    DELETE = 1
    SHOW = 2
    BIND = 3
    UNBIND = 4


class Target(NamedTuple):
    """A target as tgtd shows it: its number, and the accounts bound to it, each way."""

    number: int
    incoming: tuple[str, ...]
    outgoing: tuple[str, ...]


class Tgtd:
    """The control socket of a tgtd. Every method raises `StepFailed`."""

    def __init__(self, allowed: Allowed, place: str) -> None:
        self._allowed = allowed
        self._place = place

    async def target(self, name: str) -> Target:
        """Return the target of a name."""
        number, section, accounts = None, "", []
        for line in (await self._ask(_Mode.TARGET, _Verb.SHOW)).splitlines():
            if named := _TARGET.match(line):
                if number is not None:
                    break
                number, section = int(named[1]) if named[2] == name else None, ""
            elif number is not None and not line.startswith(" " * 8):
                section = line.strip()
            elif number is not None and section == "Account information:":
                accounts.append(line.strip())
        if number is None:
            raise StepFailed(DeploymentStep.PROVE, f"tgtd has no target {name}")
        outgoing = [account.partition(" ")[0] for account in accounts if account.endswith("(outgoing)")]
        return Target(number, tuple(a for a in accounts if not a.endswith("(outgoing)")), tuple(outgoing))

    async def accounts(self) -> set[str]:
        """Return the names of all accounts."""
        text = await self._ask(_Mode.ACCOUNT, _Verb.SHOW)
        return {line.strip() for line in text.splitlines() if line.startswith(" ")}

    async def take_account(self, target: Target, user: str, *, is_outgoing: bool) -> None:
        """Unbind an account and delete it, so far as it is there."""
        if user in (target.outgoing if is_outgoing else target.incoming):
            await self._ask(_Mode.ACCOUNT, _Verb.UNBIND, f"user={user}", target.number, is_outgoing=is_outgoing)
        if user in await self.accounts():
            await self._ask(_Mode.ACCOUNT, _Verb.DELETE, f"user={user}")

    async def give_account(self, target: Target, user: str, secret: str, *, is_outgoing: bool) -> None:
        """Make an account and bind it."""
        await self._ask(_Mode.ACCOUNT, _Verb.NEW, f"user={user},password={secret}")
        await self._ask(_Mode.ACCOUNT, _Verb.BIND, f"user={user}", target.number, is_outgoing=is_outgoing)

    async def _ask(
        self, mode: _Mode, verb: _Verb, words: str = "", target: int = -1, *, is_outgoing: bool = False
    ) -> str:
        said = words.encode() + b"\0" if words else b""
        numbers = (_REQUEST.size + len(said), target, 0, _NO_UNIT, 0, 0, 0, int(is_outgoing), 0, 0)
        request = _REQUEST.pack(mode, verb, b"iscsi", *numbers) + said
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                error, text = await self._exchange(request)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise StepFailed(DeploymentStep.RELOAD, f"tgtd doesn't answer at {self._place}") from None
        except OSError as error_of_system:
            reason = f"tgtd can't be asked at {self._place}: {said_by(error_of_system)}"
            raise StepFailed(DeploymentStep.PROVE, reason) from None
        if error:
            what = f"{verb.name.lower()} {mode.name.lower()}"
            raise StepFailed(DeploymentStep.RELOAD, f"tgtd refuses to {what}: its error {error}")
        return text

    async def _exchange(self, request: bytes) -> tuple[int, str]:
        with opened(self._allowed, dirname(self._place)) as folder:
            place = f"/proc/self/fd/{folder}/{basename(self._place)}"
            reader, writer = await asyncio.open_unix_connection(place)
        try:
            if not _is_root(writer):
                raise StepFailed(DeploymentStep.PROVE, f"at {self._place} it isn't root who listens: no tgtd is there")
            writer.write(request)
            error, length = _ANSWER.unpack(await reader.readexactly(_ANSWER.size))
            text = await reader.readexactly(min(max(length - _ANSWER.size, 0), LONGEST_ANSWER))
            return error, text.decode(errors="replace")
        finally:
            writer.close()


def _is_root(writer: asyncio.StreamWriter) -> bool:
    """Tell whether root listens, as tgtd does: whoever else made that socket gets no secret."""
    connected = writer.get_extra_info("socket")
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return bool(user == 0)
