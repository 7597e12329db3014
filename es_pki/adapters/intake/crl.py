"""Requests about revocation lists: prepared here, signed by whoever publishes (`adapters/crls`)."""

import asyncio

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import REVOCATION_LIST
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import IssueCRL
from es_pki.commands.refusals import NotSignedYet
from es_pki.commands.revocation_list import list_id
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, RevocationListEvent

PATIENCE = 30.0
"""Seconds that a request waits for the signatures."""

LOOK_SECONDS = 0.05


async def issue(office: Office, request: IssueCRL, asked: Asked) -> Answer:
    """Prepare the next CRL of each of an authority's lists, and wait until they are signed."""
    authority_id = await office.authority_id(request.authority, "authority")
    shards = [0, *range(1, office.crls.plan.shards + 1)] if office.crls.plan.shards > 1 else [0]
    request_id, actor = asked.new_id(), asked.caller.name
    position, events, lists = 0, list[RevocationListEvent](), list[dict[str, object]]()
    for aggregate_id in (list_id(authority_id, shard) for shard in shards):
        handled = await office.crls.prepare(aggregate_id, asked.now, request_id=request_id, actor=actor)
        if handled.state.prepared is None:
            raise NotSignedYet("no CRL was prepared")
        position = max(position, handled.position)
        events += handled.events
        lists.append(await _signed(office, aggregate_id, handled.state.prepared))
    return Answer(
        position=position,
        stream=REVOCATION_LIST.stream(list_id(authority_id, 0)),
        events=answered(events),
        result={"authority_id": authority_id, "crls": lists},
    )


async def _signed(office: Office, aggregate_id: str, prepared: CRLPrepared) -> dict[str, object]:
    """Wait for the signature of a CRL, or of a later one. Raises `NotSignedYet` when it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            issued = await _issued(office, aggregate_id, prepared.crl_number)
    except TimeoutError:
        raise NotSignedYet(f"CRL {prepared.crl_number} waits for its signature") from None
    return {
        "crl_shard": int(aggregate_id.rpartition("/")[2]),
        "crl_number": issued.crl_number,
        "this_update": prepared.this_update,
        "next_update": prepared.next_update,
        "entries": issued.complete.entries,
        "size": issued.complete.size,
    }


async def _issued(office: Office, aggregate_id: str, crl_number: int) -> CRLIssued:
    while True:
        state = (await office.aggregates.load(REVOCATION_LIST, aggregate_id, afresh=True)).state
        if state.issued is not None and state.issued.crl_number >= crl_number:
            return state.issued
        await asyncio.sleep(LOOK_SECONDS)
