"""Makes what an order brought the next version of its lineage: both are recorded in one append, or neither."""

from cryptography import x509

from es_pki.adapters.acme.chain import Chain
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER, CERTIFICATE
from es_pki.adapters.x509.reading.facts import facts_of
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import RecordACMECertificateObtained, State
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.importing import Foreign, profile_of
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
        foreign = _foreign(chain)

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


def _foreign(chain: Chain) -> Foreign:
    facts = facts_of(x509.load_der_x509_certificate(chain[0]), "certificate")
    return Foreign(
        certificate=facts.certificate,
        chain=chain[1:],
        subject=facts.subject,
        issuer=facts.issuer,
        subject_alt_names=facts.subject_alt_names,
        other_names=facts.other_names,
        key=facts.key,
        public_key_hash=facts.public_key_hash,
        serial_number=facts.serial_number,
        not_before=facts.not_before,
        not_after=facts.not_after,
        profile=profile_of(facts.purposes, is_authority=facts.is_authority),
        is_self_signed=facts.is_self_signed,
        is_authority=facts.is_authority,
    )
