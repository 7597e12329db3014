"""A validation that looks around: what the certificates point at is fetched, and judged with the rest.

What is fetched is nobody's word: it is judged like what was sent, and what can't be read is as if it weren't there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from ssl import PEM_cert_to_DER_cert

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.fetching import Fetcher, FetchFailed, shown
from es_pki.adapters.validation.pointers import POINT, Path, Pointers
from es_pki.adapters.validation.question import RevocationMode
from es_pki.adapters.validation.revocation import revocation_is_known
from es_pki.adapters.validation.validator import ANCHOR_REACHED
from es_pki.adapters.validation.work import JUDGE, Case, Fetched, Validation
from es_pki.adapters.worker import Workers

MOST_ISSUERS = 5
"""Certificates that are fetched one above the other, at most."""

LARGEST_CERTIFICATES = 256 * 1024
LARGEST_RESPONSE = 64 * 1024
LARGEST_CRL = 16 * 1024 * 1024
OCSP_REQUEST = "application/ocsp-request"

UNKNOWN = revocation_is_known.__name__.replace("_", "-")


class Asked(Struct, frozen=True):
    """An address that was asked, and why nothing came back ("": something did)."""

    url: str
    failure: str = ""


class Gathered(Struct, frozen=True):
    """The answer, and which addresses were asked for it."""

    validation: Validation
    asked: tuple[Asked, ...]


async def gathered(case: Case, workers: Workers, fetcher: Fetcher) -> Gathered:
    """Return the answer with what could be fetched. Raises what a worker raises for what was sent."""
    look = _Look(workers, fetcher)
    validation = await workers.do(JUDGE, case)
    for _ in range(MOST_ISSUERS):
        if not _lacks(validation, ANCHOR_REACHED.name):
            break
        issuers = await look.fetched(_get(fetcher, url) for url in (await look.pointers(validation)).issuers)
        if not issuers or set(issuers) <= set(case.fetched.certificates):
            break
        case = replace(case, fetched=replace(case.fetched, certificates=(*case.fetched.certificates, *issuers)))
        validation = await workers.do(JUDGE, case)
    if case.revocation is not RevocationMode.NONE and _lacks(validation, UNKNOWN):
        evidence = await look.evidence(validation)
        case = replace(case, fetched=replace(evidence, certificates=case.fetched.certificates))
        validation = await workers.do(JUDGE, case)
    return Gathered(validation, tuple(look.asked.values()))


Fetch = tuple[str, Callable[[], Awaitable[bytes]]]
"""An address as it is told, and how it is asked."""


class _Look:
    """One look around: `asked` are the addresses, by how they are told."""

    def __init__(self, workers: Workers, fetcher: Fetcher) -> None:
        self._workers = workers
        self._fetcher = fetcher
        self.asked: dict[str, Asked] = {}

    async def pointers(self, validation: Validation) -> Pointers:
        return await self._workers.do(
            POINT, Path(tuple(PEM_cert_to_DER_cert(step.certificate_pem) for step in validation.path))
        )

    async def evidence(self, validation: Validation) -> Fetched:
        """Return CRLs and OCSP responses about the certificates of the path."""
        found, fetcher = await self.pointers(validation), self._fetcher
        responses, crls = await asyncio.gather(
            self.fetched(
                (each.url, partial(fetcher.post, each.url, each.request, OCSP_REQUEST, largest=LARGEST_RESPONSE))
                for each in found.questions
            ),
            self.fetched((url, partial(fetcher.get, url, largest=LARGEST_CRL)) for url in found.crls),
        )
        return Fetched(crls=crls, responses=responses)

    async def fetched(self, wanted: Iterable[Fetch]) -> tuple[bytes, ...]:
        """Return what came back, and remember what was asked."""
        answers = await asyncio.gather(*(self._fetched(url, ask) for url, ask in wanted))
        return tuple(answer for answer in answers if answer is not None)

    async def _fetched(self, url: str, ask: Callable[[], Awaitable[bytes]]) -> bytes | None:
        told = shown(url)
        try:
            answer = await ask()
        except FetchFailed as failed:
            self.asked[told] = Asked(told, str(failed))
            return None
        self.asked[told] = Asked(told)
        return answer


def _get(fetcher: Fetcher, url: str) -> Fetch:
    return url, partial(fetcher.get, url, largest=LARGEST_CERTIFICATES)


def _lacks(validation: Validation, rule: str) -> bool:
    return any(finding.rule == rule for finding in validation.findings)
