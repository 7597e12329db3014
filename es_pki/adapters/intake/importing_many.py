"""Many certificates from elsewhere in one request: read together, decided each for itself, in commits they share."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from es_pki.adapters.intake.answer import Answer, Asked
from es_pki.adapters.intake.importing import Importing, IssuersHere, version_of
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import ImportCertificate, ImportCertificates, NamedCertificate
from es_pki.adapters.worker.each import do_each
from es_pki.adapters.worker.pool import WorkUnbounded, refusal_of
from es_pki.adapters.x509.reading.many import OPEN_KEYS, OPEN_MANY, Read
from es_pki.adapters.x509.reading.opening import Opened, Sent
from es_pki.commands.names import is_own_name
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused, code_of
from es_pki.events.certificate import CertificateEvent, CertificateImported
from eventlog import Conflict

MOST = 1_000
"""Certificates in a request."""

AT_A_TIME = 64
"""Certificates that are decided side by side: they share commits, and between two rounds others have their turn."""

IMPORTED, KEY_IMPORTED, HERE, REFUSED = "imported", "key-imported", "already-here", "refused"

READ_AT_ONCE = 125
"""Certificates that a worker reads in one work."""

Told = dict[str, object]
Outcome = Read | WorkUnbounded


async def bring_all_in(office: Office, request: ImportCertificates, asked: Asked) -> Answer:
    """Keep certificates from elsewhere; answer with what became of each. Raises `Refused` for the whole's sake."""
    if len(request.certificates) > MOST:
        detail = f"at most {MOST} certificates, not {len(request.certificates)}"
        raise Malformed.at("certificates", "requests are bounded", detail)
    keys: Mapping[str, bytes] = {}
    if request.private_keys is not None:
        sent = Sent(request.private_keys.encode(), passphrase=request.passphrase, field="private_keys")
        keys = (await office.workers.do(OPEN_KEYS, sent)).by_hash
    return await _Many(office, request, asked, keys).done()


class _Many:
    """The certificates of one request on their way in: while the first are decided, the next are read."""

    def __init__(self, office: Office, request: ImportCertificates, asked: Asked, keys: Mapping[str, bytes]) -> None:
        self._office = office
        self._request = request
        self._asked = replace(asked, idempotency_key="")  # each has an id of its own, and comes in once anyway
        self._keys = keys
        self._issuers = IssuersHere(office)
        self._reading: list[asyncio.Task[list[Outcome]]] = []
        self._told: list[Told] = [{} for _ in request.certificates]
        self._known: set[str] = set()
        self._position = 0

    async def done(self) -> Answer:
        """Keep them, side by side what has different names; say what became of each, and of the private keys."""
        waiting = iter(self._by_name())
        async with asyncio.TaskGroup() as tasks:
            for start in range(0, len(self._told), READ_AT_ONCE):
                self._reading.append(tasks.create_task(self._read(start)))
            for _ in range(AT_A_TIME):
                tasks.create_task(self._work(waiting))
        left_out = len(self._keys.keys() - self._known)
        return Answer(self._position, "", (), {"items": self._told, "keys_left_out": left_out})

    async def _read(self, start: int) -> list[Outcome]:
        named = self._request.certificates[start : start + READ_AT_ONCE]
        pieces = [Sent(each.certificate.encode(), passphrase=self._request.passphrase) for each in named]
        return await do_each(self._office.workers, OPEN_MANY, pieces)

    async def _work(self, waiting: Iterator[list[int]]) -> None:
        for numbers in waiting:
            for number in numbers:
                read = await self._reading[number // READ_AT_ONCE]
                named = self._request.certificates[number]
                self._told[number] = await self._become(named, read[number % READ_AT_ONCE])

    def _by_name(self) -> Iterable[list[int]]:
        by_name: dict[str, list[int]] = {}
        for number, named in enumerate(self._request.certificates):
            by_name.setdefault(named.name, []).append(number)
        return by_name.values()

    async def _become(self, named: NamedCertificate, read: Outcome) -> Told:
        try:
            return await self._kept(named, _opened(read))
        except Refused as refused:
            return _refused(named, code_of(type(refused)), refused.detail, refused)
        except Conflict:
            return _refused(named, "conflict", "others were faster; send it again")

    async def _kept(self, named: NamedCertificate, opened: Opened) -> Told:
        facts = opened.facts
        self._known.add(facts.public_key_hash)
        if opened.private_key is None and (key := self._keys.get(facts.public_key_hash)) is not None:
            opened = replace(opened, private_key=key)
        request = ImportCertificate(named.name, named.certificate, preview=self._request.preview)
        kept = await Importing(self._office, request, self._asked, opened, self._issuers).kept()
        version = version_of(kept.state, facts.certificate)
        self._position = max(self._position, kept.position)
        return {
            "outcome": _outcome(kept.events),
            "certificate_id": kept.certificate_id,
            "name": kept.state.name,
            "version": version.version,
            "key_is_here": version.key_id is not None,
            "left_out": opened.left_out,
        }


def _outcome(events: Sequence[CertificateEvent]) -> str:
    if not events:
        return HERE
    return IMPORTED if any(isinstance(event, CertificateImported) for event in events) else KEY_IMPORTED


def _opened(read: Outcome) -> Opened:
    """Return what was read. Raises the refusal of what could not be."""
    if isinstance(read, WorkUnbounded):
        raise read
    if read.opened is None:
        raise LookupError("what was not opened was refused") if read.refusal is None else refusal_of(read.refusal)
    return read.opened


def _refused(named: NamedCertificate, code: str, detail: str, refused: Refused | None = None) -> Told:
    """Return what is told of a refusal. What is no name may be a secret that was pasted in its place."""
    return {
        "outcome": REFUSED,
        "name": named.name if is_own_name(named.name) else "",
        "code": code,
        "detail": detail,
        "errors": [violation._asdict() for violation in (refused.violations if refused else ())],
    }
