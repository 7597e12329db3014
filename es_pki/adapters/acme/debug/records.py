"""The TXT records that prove a name, at each name server of their zone, and whom aliases make responsible."""

from collections.abc import AsyncIterator

from es_pki.adapters.acme.debug.report import Finding, failed, fine
from es_pki.adapters.acme.dns_persist_01 import DNSPersist01
from es_pki.adapters.acme.standing import StandingRecord
from es_pki.adapters.dns.problems import DNSFailed, NoProvider
from es_pki.adapters.dns.providers import DNSProviders, Provider


async def challenge_records(providers: DNSProviders, name: str, expected: str | None) -> AsyncIterator[Finding]:
    """Yield what is under `_acme-challenge` of a name; `expected` None while nothing is to be proved."""
    asked = f"_acme-challenge.{name}"
    try:
        place = await providers.place(asked)
    except DNSFailed as failure:
        yield failed(f"alias of {asked}", failure.detail, "mend its CNAME, or remove it")
        return
    if place != asked:
        yield fine(f"alias of {asked}", f"it leads to {place}: the record has to be there")
    provider: Provider | None = None
    try:
        provider = await providers.provider_for(place)
    except NoProvider as nobody:
        yield failed(f"DNS provider of {place}", nobody.detail, "es-pki dns add-…, with the zone that the name is in")
    else:
        yield fine(f"DNS provider of {place}", f"it answers for {', '.join(provider.zones)}")
    try:
        found = await providers.survey(provider, place)
    except DNSFailed as failure:
        advice = "look whether the zone is delegated, and its servers can be reached from here"
        yield failed(f"TXT of {place}", failure.detail, advice)
        return
    for server, values in found.items():
        yield _at_server(f"TXT of {place} at {server}", values, expected)


def _at_server(what: str, values: frozenset[str] | DNSFailed, expected: str | None) -> Finding:
    if isinstance(values, DNSFailed):
        return failed(what, values.detail, "validators ask this server too: mend it, or take it out of the zone's NS")
    if expected is None:
        return fine(what, f"{len(values)} values; none is expected now")
    if expected in values:
        return fine(what, "the value that is expected is there")
    advice = "look at the DNS provider (es-pki dns check), and whether this server follows the others"
    return failed(what, f"the value that is expected is not among the {len(values)} that are there", advice)


async def standing_record(solver: DNSPersist01, record: StandingRecord) -> Finding:
    """Return whether a standing record is there, and says what it should."""
    what = f"TXT of {record.name}"
    if lacking := await solver.lacking(record):
        return failed(what, lacking, f"publish {record.wanted}")
    return fine(what, "the standing record is there, at every name server")
