"""Very many certificates at once: found in files and folders, named, and sent in requests of many.

A certificate gets its name from its common name, else its first DNS name, else its file; what has the same name goes
one after the other, the oldest first, and so becomes one certificate's versions if it names the same. Where the name
belongs to another certificate, the beginning of its fingerprint is added. So the same files give the same names.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from es_pki.adapters.cli.client import Object, RefusedByServer
from es_pki.adapters.cli.session import Misused
from es_pki.adapters.x509.formats import pem_chain, pem_of_key
from es_pki.adapters.x509.reading.facts import Facts
from es_pki.adapters.x509.reading.pile import LARGEST, Found, open_all
from es_pki.decider import Refused

MOST = 500
MOST_OCTETS = 2 << 20
MOST_KEYS = 20
"""Certificates, their octets, and private keys in a request: what a server reads well within the client's patience."""

NAME_CLASHES = {"name-taken", "version-outdated", "key-left-out"}
"""Refusals of a name that belongs to another certificate."""

IMPORTED, HERE, REFUSED, SKIPPED = "imported", "already here", "refused", "no certificate"
KEY_IMPORTED = "key imported"
OUTCOMES = (IMPORTED, HERE, REFUSED, SKIPPED, KEY_IMPORTED)
TOLD = {"imported": IMPORTED, "key-imported": KEY_IMPORTED, "already-here": HERE}

LONGEST_NAME = 100

Heard = Callable[[str, int, int], None]
Send = Callable[[dict[str, object]], Object]


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

    def by_fingerprint(self) -> "_Wish":
        return self._replace(name=f"{self.name}-{self.facts.fingerprint[:8]}")


def bring_in(paths: Sequence[str], passphrase: str | None, send: Send, heard: Heard) -> list[Outcome]:
    """Import all that is there; return what became of each, by file. Raises `Misused` and `Unreachable`.

    `send` sends ImportCertificates and returns the answer's result.
    """
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
    outcomes += _sent(wishes, keys, send, heard)
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


def _sent(wishes: list[_Wish], keys: Mapping[str, bytes], send: Send, heard: Heard) -> Iterator[Outcome]:
    """Send them in requests of bounded size; what can't have its name is sent once more under a longer one."""
    wishes.sort(key=lambda wish: (wish.name, wish.facts.not_after, wish.facts.certificate))
    again: list[_Wish] = []
    done = 0
    for batch in _batches(wishes, keys):
        told = list(_asked(batch, keys, send))
        again += [wish for wish, item in told if item.get("code") in NAME_CLASHES]
        yield from (_outcome(wish, item) for wish, item in told if item.get("code") not in NAME_CLASHES)
        done += len(batch)
        heard("importing", done, len(wishes))
    for batch in _batches([wish.by_fingerprint() for wish in again], keys):
        yield from (_outcome(wish, item) for wish, item in _asked(batch, keys, send))


def _batches(wishes: Sequence[_Wish], keys: Mapping[str, bytes]) -> Iterator[list[_Wish]]:
    batch: list[_Wish] = []
    octets, of_keys = 0, set[str]()
    for wish in wishes:
        size = sum(map(len, (wish.facts.certificate, *wish.chain)))
        key = {wish.facts.public_key_hash} & keys.keys()
        if batch and (len(batch) == MOST or octets + size > MOST_OCTETS or len(of_keys | key) > MOST_KEYS):
            yield batch
            batch, octets, of_keys = [], 0, set()
        batch.append(wish)
        octets += size
        of_keys |= key
    if batch:
        yield batch


def _asked(batch: list[_Wish], keys: Mapping[str, bytes], send: Send) -> Iterator[tuple[_Wish, Object]]:
    """Send one request; yield what became of each."""
    certificates = [
        {"name": wish.name, "certificate": pem_chain([wish.facts.certificate, *wish.chain])} for wish in batch
    ]
    body: dict[str, object] = {"certificates": certificates}
    hashes = {wish.facts.public_key_hash for wish in batch} & keys.keys()
    if hashes:
        body["private_keys"] = "".join(pem_of_key(keys[each]) for each in sorted(hashes))
    try:
        items = cast("list[Object]", send(body)["items"])
    except RefusedByServer as refused:
        items = [{"outcome": "refused", "code": refused.code, "detail": refused.detail}] * len(batch)
    yield from zip(batch, items, strict=True)


def _outcome(wish: _Wish, item: Object) -> Outcome:
    match item["outcome"]:
        case "refused":
            outcome = HERE if item["code"] == "already-managed" else REFUSED
            return Outcome(wish.file, outcome, wish.name, str(item["detail"]))
        case told:
            return Outcome(wish.file, TOLD[str(told)], str(item["name"]))
