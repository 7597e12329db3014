"""Very many certificates at once: found in files and folders, named, and sent side by side.

A certificate gets its name from its common name, else its first DNS name, else its file; what has the same name goes
one after the other, the oldest first, and so becomes one certificate's versions if it names the same. Where the name
belongs to another certificate, the beginning of its fingerprint is added. So the same files give the same names.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from itertools import groupby
from pathlib import Path
from threading import local
from typing import NamedTuple

from es_pki.adapters.cli.client import Client, Object, RefusedByServer
from es_pki.adapters.cli.session import Misused, Session
from es_pki.adapters.x509.formats import pem_chain
from es_pki.adapters.x509.reading.facts import Facts
from es_pki.adapters.x509.reading.pile import LARGEST, Found, open_all
from es_pki.decider import Refused

SIDE_BY_SIDE = 8
"""Requests at a time: those that come together share a commit of the log."""

IMPORTED, HERE, REFUSED, SKIPPED = "imported", "already here", "refused", "no certificate"
OUTCOMES = (IMPORTED, HERE, REFUSED, SKIPPED)

LONGEST_NAME = 100

Heard = Callable[[str, int, int], None]


class Outcome(NamedTuple):
    """What became of a certificate, or of a file without one."""

    file: str
    outcome: str
    name: str = ""
    reason: str = ""


class _Wish(NamedTuple):
    file: str
    name: str
    facts: Facts
    chain: tuple[bytes, ...]


def bring_in(session: Session, paths: Sequence[str], passphrase: str | None, heard: Heard) -> list[Outcome]:
    """Import all that is there; return what became of each, by file. Raises `Misused` and `Unreachable`."""
    files = list(_files(paths))
    wishes: list[_Wish] = []
    outcomes: list[Outcome] = []
    keys: dict[str, bytes] = {}
    for number, file in enumerate(files, 1):
        heard("reading", number, len(files))
        try:
            piled = open_all(_content(file), passphrase)
        except Refused as refused:
            outcomes.append(Outcome(str(file), REFUSED, reason=refused.detail))
            continue
        keys |= piled.private_keys
        outcomes += [Outcome(str(file), REFUSED, reason=each.refusal) for each in piled.found if each.facts is None]
        wishes += [wish for each in piled.found for wish in _wishes(file, each)]
        if not piled.found and not piled.private_keys:
            outcomes.append(Outcome(str(file), SKIPPED))
    outcomes += _sent(session, wishes, keys, heard)
    return sorted(outcomes)


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for each in paths:
        path = Path(each)
        if not path.exists():
            raise Misused(f"{path}: there is no such file or folder")
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else (path,)


def _content(file: Path) -> bytes:
    """Return a file as far as it may go: what is larger is refused by whoever reads it."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        raise Misused(f"{file}: can't be read: {error.strerror}") from error


def _wishes(file: Path, found: Found) -> Iterator[_Wish]:
    if found.facts is not None:
        yield _Wish(str(file), name_of(found.facts, file.stem), found.facts, found.chain)


def name_of(facts: Facts, otherwise: str) -> str:
    """Return a name that may be one here, made from what a certificate names."""
    common = [attribute.value for attribute in facts.subject if attribute.type == "common_name"]
    wanted = next((text for text in (*common, *facts.subject_alt_names.dns_names, otherwise) if _plain(text)), "")
    return _plain(wanted) or "certificate"


def _plain(text: str) -> str:
    text = text.replace("*.", "wildcard.", 1) if text.startswith("*.") else text
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:LONGEST_NAME]


def _sent(session: Session, wishes: list[_Wish], keys: Mapping[str, bytes], heard: Heard) -> Iterator[Outcome]:
    """Send them, side by side what has different names."""
    wishes.sort(key=lambda wish: (wish.name, wish.facts.not_after, wish.facts.certificate))
    by_name = [list(group) for _, group in groupby(wishes, key=lambda wish: wish.name)]
    sender, done = _Sender(session, keys), 0
    with closing(sender), ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        for future in as_completed([threads.submit(sender.send_all, group) for group in by_name]):
            outcomes = future.result()
            done += len(outcomes)
            heard("importing", done, len(wishes))
            yield from outcomes


class _Sender:
    """Sends with a connection for each thread."""

    def __init__(self, session: Session, keys: Mapping[str, bytes]) -> None:
        self._session = session
        self._keys = keys
        self._preview = bool(session.arguments.preview)
        self._mine = local()
        self._clients: list[Client] = []
        self._place = session.client.place

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def send_all(self, wishes: list[_Wish]) -> list[Outcome]:
        return [self._send(wish) for wish in wishes]

    def _send(self, wish: _Wish) -> Outcome:
        try:
            try:
                result = self._asked(wish, wish.name)
            except RefusedByServer as refused:
                if refused.code not in {"name-taken", "version-outdated", "key-left-out"}:
                    raise
                result = self._asked(wish, f"{wish.name}-{wish.facts.fingerprint[:8]}")
        except RefusedByServer as refused:
            outcome = HERE if refused.code == "already-managed" else REFUSED
            return Outcome(wish.file, outcome, wish.name, refused.detail)
        return Outcome(wish.file, IMPORTED if result["is_new"] else HERE, str(result["name"]))

    def _asked(self, wish: _Wish, name: str) -> Object:
        body: dict[str, object] = {"name": name, "certificate": pem_chain([wish.facts.certificate, *wish.chain])}
        key = self._keys.get(wish.facts.public_key_hash)
        if key is not None:
            body["private_key"] = base64.b64encode(key).decode()
        answer = self._client().send("ImportCertificate", {**body, "preview": self._preview}, None)
        result = answer["result"]
        return result if isinstance(result, dict) else {}

    def _client(self) -> Client:
        client: Client | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = Client(self._place)
            self._clients.append(client)
        return client
