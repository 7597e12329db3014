"""dns-persist-01 (draft-ietf-acme-dns-persist): a TXT record that somebody publishes once, and that stays.

es-pki looks for it before the directory does, and says exactly what to publish where it isn't. It never writes one, so
that it needs no rights in the zone, and never removes one.
"""

from collections.abc import Callable
from datetime import datetime

from es_pki.adapters.acme.problems import DirectoryFailed, Trouble
from es_pki.adapters.acme.solver import Answer
from es_pki.adapters.acme.standing import StandingRecord
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.survey import survey
from es_pki.values.acme import ACMEProblem, ChallengeType


class DNSPersist01:
    """See `Solver`."""

    type = ChallengeType.DNS_PERSIST_01
    patience_seconds = 5.0

    def __init__(self, lookup: Lookup, now: Callable[[], datetime]) -> None:
        self._lookup = lookup
        self._now = now

    async def present(self, answer: Answer) -> None:
        """Require that the record is there; else say what to publish: the order goes on when it is."""
        if answer.record is None:
            raise TypeError("dns-persist-01 is answered by a record")
        if lacking := await self.lacking(answer.record):
            detail = f"publish the TXT record: {answer.record.wanted} ({lacking})"
            raise DirectoryFailed(ACMEProblem(Trouble.NOT_PUBLISHED, detail), is_final=False)

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether every name server of the zone has the record."""
        return answer.record is not None and not await self.lacking(answer.record)

    async def clean_up(self, answer: Answer) -> None:
        """Do nothing: the record stays."""

    async def lacking(self, record: StandingRecord) -> str:
        """Say what keeps a record from being good, "" if nothing does."""
        try:
            found = await survey(self._lookup, await self._lookup.target(record.name))
        except DNSFailed as failed:
            return failed.detail
        for server, values in found.items():
            if isinstance(values, DNSFailed):
                return values.detail
            faults = [record.fault(value, self._now()) for value in values]
            if "" not in faults:
                return f"at {server}: {next(filter(None, faults), 'there is none for this authority')}"
        return ""
