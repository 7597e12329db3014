"""Makes a CRL of any number again from the log, byte for byte: what it listed, and the signature that was recorded."""

from es_pki.adapters.crls.ledger import LISTED, PUBLISHED, Draft, Ledger
from es_pki.adapters.crls.maker import Made, Maker
from es_pki.adapters.recorded import happened
from es_pki.events.revocation_list import CRLIssued, CRLPrepared
from eventlog import Log


async def made_again(log: Log, maker: Maker, aggregate_id: str, crl_number: int) -> Made | None:
    """Return the CRL of a list that has the number, None if none was issued.

    It reads all revocations up to it. Raises `ValueError` when this release would make other bytes than were signed.
    """
    ledger = Ledger()
    draft: Draft | None = None
    async for page in log.read_all(types=LISTED | PUBLISHED):
        for record in page.records:
            event = happened(record)
            match event.event:
                case CRLPrepared() as prepared:
                    is_wanted = event.id == aggregate_id and prepared.crl_number == crl_number
                    draft = ledger.draft(event, prepared, is_wanted=is_wanted) or draft
                case CRLIssued() as issued if event.id == aggregate_id and issued.crl_number == crl_number:
                    if draft is not None:
                        return await maker.put_together(aggregate_id, await maker.build(aggregate_id, draft), issued)
                case _:
                    ledger.enter(event)
    return None
