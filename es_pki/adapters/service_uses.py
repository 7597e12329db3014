"""Whether services and certificates tell the same of each other: the part of the examination that knows uses."""

from collections.abc import Iterator

from es_pki.events.certificate import CertificateDeleted, UseBegun, UseEnded
from es_pki.events.happened import Happened
from es_pki.events.service import (
    CertificateBound,
    CertificateUnbound,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)


class ServiceUses:
    """The state of one reading: which certificates each service was bound to, and which said that it uses them."""

    def __init__(self) -> None:
        self._services: dict[str, set[tuple[str, bool]]] = {}
        self._stopped: dict[str, set[tuple[str, bool]]] = {}
        self._uses: dict[str, dict[str, bool]] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case ServiceRegistered():
                self._services[happened.id] = set()
            case CertificateBound() | CertificateUnbound() | ServiceRetired() if happened.id not in self._services:
                yield "it happened to a service that nobody registered"
            case CertificateBound(certificate_id=certificate_id, fallback_certificate_id=fallback_id):
                fallback = {(fallback_id, True)} if fallback_id else set()
                self._services[happened.id] = {(certificate_id, False), *fallback}
            case CertificateUnbound() | ServiceRetired():
                self._services[happened.id] = set()
                self._stopped.pop(happened.id, None)
            case ServiceStopped():
                self._stopped[happened.id] = self._services.get(happened.id, set())
                self._services[happened.id] = set()
            case ServiceResumed():
                self._services[happened.id] = self._stopped.pop(happened.id, set())
            case UseBegun(service_id=service_id, as_fallback=as_fallback):
                self._uses.setdefault(happened.id, {})[service_id] = as_fallback
            case UseEnded(service_id=service_id):
                if self._uses.get(happened.id, {}).pop(service_id, None) is None:
                    yield "a use ended that never began"
            case CertificateDeleted() if self._uses.get(happened.id):
                yield "a certificate was deleted that services use"
            case _:
                pass

    def problems_at_the_end(self) -> Iterator[str]:
        """Yield where the two sides differ, which are recorded in one append."""
        bound = {(cid, sid, flag) for sid, uses in self._services.items() for cid, flag in uses}
        used = {(cid, sid, flag) for cid, uses in self._uses.items() for sid, flag in uses.items()}
        for certificate_id, service_id, _ in sorted(bound ^ used):
            yield f"the service {service_id} and the certificate {certificate_id} differ on whether it uses it"
