"""Whether every certificate that came by an ACME order was ordered: the part of the examination that knows orders."""

from collections.abc import Iterator

from es_pki.events.acme_order import ACMEOrderPlaced
from es_pki.events.certificate import CertificateImported
from es_pki.events.happened import Happened


class ACMEOrigins:
    """The state of one reading: the orders that were placed, with the keys that they were for."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case ACMEOrderPlaced(public_key_hash=key):
                self._keys[happened.id] = key
            case CertificateImported(order_id=order_id, public_key_hash=key) if order_id:
                if order_id not in self._keys:
                    yield "a certificate came by an order that nobody placed"
                elif self._keys[order_id] != key:
                    yield "a certificate came by an order for another key"
            case _:
                pass
