"""DNS hosts that `dns-lexicon` knows, in a process of its own: its requests block, and can't be stopped otherwise.

Nothing that it reports is believed: whether a record is there is looked up.
"""

import os
import sys

import msgspec
from msgspec import Struct

from es_pki.adapters import program
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.writer import TTL_SECONDS, TXTRecord
from es_pki.adapters.program import NotRun, Work
from es_pki.adapters.redaction import without
from es_pki.values.dns import LexiconProvider

LEXICON_SECONDS = 60.0

MODULE = "es_pki.adapters.dns.lexicon_child"

NOT_INSTALLED = 3
"""The exit status of the process where `dns-lexicon` is missing."""


class Task(Struct, frozen=True):
    """What the process reads: `options` are lexicon's for the provider, with the credentials."""

    verb: str
    provider: str
    zone: str
    name: str
    value: str
    ttl_seconds: int
    options: dict[str, str]


class Lexicon:
    """See `Writer`."""

    def __init__(self, settings: LexiconProvider, secret: bytes, lookup: Lookup) -> None:
        self._settings = settings
        self._secret = secret
        self._lookup = lookup

    async def add(self, record: TXTRecord) -> None:
        """Put a value beside those that the name has."""
        await self._run("create", record)

    async def remove(self, record: TXTRecord) -> None:
        """Take a value away."""
        await self._run("delete", record)

    async def _run(self, verb: str, record: TXTRecord) -> None:
        provider = self._settings.provider
        credentials = msgspec.json.decode(self._secret, type=dict[str, str]) if self._secret else {}
        zone = await self._lookup.zone_of(record.name)
        options = {**self._settings.options, **credentials}
        task = Task(verb, provider, zone, record.name, record.value, TTL_SECONDS, options)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ES_PKI_")}
        command = (sys.executable, "-m", MODULE)
        try:
            ran = await program.run(Work(command, environment, msgspec.json.encode(task), LEXICON_SECONDS))
        except NotRun as failed:
            raise DNSFailed(f"{provider} could not be changed: {failed}") from None
        if ran.status == NOT_INSTALLED:
            detail = "dns-lexicon is not installed: install es-pki[lexicon], or use rfc2136 or a hook"
            raise DNSFailed(detail, is_final=True)
        if ran.status:
            said = " ".join(without(self._secret, ran.output).split())
            raise DNSFailed(f"{provider} could not be changed: {said}")
