"""CAA records as an authority reads them: who may certify a name, for whom, proved how (RFC 8659, RFC 8657)."""

from collections.abc import Iterator, Sequence

import dns.exception
import dns.rdtypes.ANY.CAA
import dns.resolver
from msgspec import Struct

from es_pki.adapters.acme.debug.names import DNS, why
from es_pki.adapters.acme.debug.report import Finding, failed, fine, unknown
from es_pki.values.acme import ChallengeType

CRITICAL = 128

KNOWN_TAGS = frozenset({b"issue", b"issuewild", b"iodef", b"issuemail", b"issuevmc", b"contactemail", b"contactphone"})


class Asker(Struct, frozen=True):
    """Who would be certified how: the directory's names in CAA records, the account's URL, and the challenge."""

    identities: Sequence[str]
    account: str
    challenge: ChallengeType


async def caa(resolver: DNS, name: str, asker: Asker, *, is_wildcard: bool = False) -> Finding:
    """Return whether CAA records let the directory certify a name for the account by the challenge."""
    what, labels, where = f"CAA of {'*.' if is_wildcard else ''}{name}", name.split("."), name
    try:
        for depth in range(len(labels)):
            where = ".".join(labels[depth:])
            answer = await resolver.look_up(where, "CAA")
            if answer is not None:
                records = [record for record in answer if isinstance(record, dns.rdtypes.ANY.CAA.CAA)]
                return _judged(what, where, records, asker, is_wildcard=is_wildcard)
    except (dns.exception.DNSException, OSError) as error:
        advice = "mend the name's DNS: while nobody can tell, no authority may certify the name"
        return failed(what, await why(resolver, where, error), advice)
    return fine(what, "none: every authority may certify the name")


def _judged(
    what: str, where: str, records: Sequence[dns.rdtypes.ANY.CAA.CAA], asker: Asker, *, is_wildcard: bool
) -> Finding:
    strange = [r.tag.decode(errors="replace") for r in records if r.flags & CRITICAL and r.tag not in KNOWN_TAGS]
    if strange:
        advice = "remove it, or its critical flag (128)"
        return failed(what, f"{where}: {strange[0]} is critical, and no authority may ignore it", advice)
    issue = [r.value.decode(errors="replace") for r in records if r.tag == b"issue"]
    wild = [r.value.decode(errors="replace") for r in records if r.tag == b"issuewild"]
    counted = wild if is_wildcard and wild else issue
    told = f"{where}: {', '.join(counted) or 'nothing about issuing'}"
    if not counted:
        return fine(what, told)
    if not asker.identities:
        return unknown(what, told, "the directory doesn't say by which name CAA records may know it")
    mine = [value for value in counted if value.partition(";")[0].strip().lower() in asker.identities]
    if not mine:
        advice = f"add a CAA record: issue {asker.identities[0]!r}, or order from an authority that is named"
        return failed(what, told, advice)
    faults = [next(_faults(value, asker), "") for value in mine]
    if "" in faults:
        return fine(what, told)
    advice = "change its accounturi or validationmethods, or add a record (RFC 8657)"
    return failed(what, f"{told}: {faults[0]}", advice)


def _faults(value: str, asker: Asker) -> Iterator[str]:
    """Yield why a record of the directory's doesn't hold for the account or the challenge."""
    for parameter in filter(None, (part.strip() for part in value.split(";")[1:])):
        tag, _, content = (part.strip() for part in parameter.partition("="))
        if tag.lower() == "accounturi" and content != asker.account:
            yield f"it is for the account {content}, and this one is {asker.account or 'not open'}"
        if tag.lower() == "validationmethods" and asker.challenge not in {m.strip() for m in content.split(",")}:
            yield f"it wants names proved by {content}, and the order does so by {asker.challenge}"
