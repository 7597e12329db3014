"""Makes what an order brought the next version of its lineage: both are recorded in one append, or neither."""

from cryptography import x509

from es_pki.adapters.acme.chain import Chain
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER, CERTIFICATE
from es_pki.adapters.x509.reading.facts import facts_of, foreign_of
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import RecordACMECertificateObtained, State
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.obtaining import ObtainCertificate
from es_pki.decider import Guard


class Delivery:
    """Hands certificates over to their lineages."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates

    async def deliver(self, order_id: str, chain: Chain, actor: str) -> State:
        """Record the chain (DER, leaf first) as the lineage's next version; return the order's state.

        Raises `Refused` for a certificate that is none to be kept, and where the lineage was deleted meanwhile.
        """
        began = placed((await self._aggregates.load(ACME_ORDER, order_id)).state)
        foreign = foreign_of(facts_of(x509.load_der_x509_certificate(chain[0]), "certificate"), chain[1:])

        async def command() -> CertificateCommand:
            lineage = (await self._aggregates.load(CERTIFICATE, began.certificate_id)).state
            order = await self._aggregates.load(ACME_ORDER, order_id)
            record = RecordACMECertificateObtained(max(lineage.versions, default=0) + 1)
            events = ACME_ORDER.decide(record, order.state)
            guard = Guard(
                ACME_ORDER.stream(order_id),
                order.version,
                events=tuple(events),
                claims=tuple(claim for event in events for claim in ACME_ORDER.reservations(event, order_id)),
                owner=order_id,
            )
            return ObtainCertificate(began.name, foreign, began.key_id, order_id, guard)

        await self._aggregates.handle(CERTIFICATE, began.certificate_id, command, actor=actor)
        return (await self._aggregates.load(ACME_ORDER, order_id)).state
