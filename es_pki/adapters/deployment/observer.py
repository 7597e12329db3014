"""Looks at what a service serves, and records what has changed since somebody looked before."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.x509 import DNSName, IPAddress

from es_pki.adapters.deployment import wire
from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands.deployment import check_is_bound, check_none_runs, served_instead
from es_pki.commands.drift import Expected, RecordObservation, Seen, drift
from es_pki.commands.service import NothingToLookAt, ServiceCommand, State, check_runs
from es_pki.events.service import Drift, Probe, ServiceEvent, ServiceObserved
from es_pki.values import SubjectAltNames

LOOKS_AT_ONCE = 64
"""Connections to services that are open at the same time, at most."""


class Observer:
    """Looks at services, at a bounded number at a time."""

    def __init__(self, aggregates: Aggregates, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._now = now
        self._sockets = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def observe(self, service_id: str, *, actor: str) -> Handled[State, ServiceEvent]:
        """Look at a service and record what has changed. Raises `Refused` and `Conflict`."""
        state = (await self._aggregates.load(SERVICE, service_id, afresh=True)).state
        check_runs(state)
        check_none_runs(state.deployments)
        bound, probe = check_is_bound(state.bound), state.installation.probe
        if not probe.address:
            raise NothingToLookAt("the service has no address to look at")
        certificate_id = served_instead(state.deployments, bound) or bound.certificate_id
        observed = await self._observed(certificate_id, probe)

        async def command() -> ServiceCommand:
            return RecordObservation(observed)

        return await self._aggregates.handle(SERVICE, service_id, command, actor=actor)

    async def _observed(self, certificate_id: str, probe: Probe) -> ServiceObserved:
        try:
            async with self._sockets:
                found = await wire.served(probe)
            seen = _seen(found)
        except wire.Unreachable as unreachable:
            return ServiceObserved(drift=(Drift.UNREACHABLE,), detail=str(unreachable))
        except ValueError:
            return ServiceObserved(drift=(Drift.FOREIGN,), detail="what it serves is no certificate that can be read")
        differs = tuple(drift(seen, await self._expected(certificate_id), probe, self._now()))
        detail = f"until {seen.not_after:%F}, {', '.join(seen.names.dns_names) or 'no DNS name'}" if differs else ""
        return ServiceObserved(seen.fingerprint, differs, detail[:1000])

    async def _expected(self, certificate_id: str) -> Expected:
        lineage = (await self._aggregates.load(CERTIFICATE, certificate_id)).state
        issued = {
            fingerprint(version.certificate): number
            for number, version in lineage.versions.items()
            if version.certificate is not None
        }
        issuers = await issuers_of(self._aggregates, lineage.served.prepared) if lineage.served else []
        return Expected(lineage.current, issued, frozenset(map(fingerprint, without_root(issuers))))


def _seen(found: tuple[bytes, ...]) -> Seen:
    """Return what a chain says. Raises `ValueError` for what is none."""
    if not found:
        raise ValueError("no certificate")
    leaf = x509.load_der_x509_certificate(found[0])
    names = SubjectAltNames()
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        dns_names = tuple(name.lower() for name in extension.get_values_for_type(DNSName))
        names = SubjectAltNames(dns_names, tuple(map(str, extension.get_values_for_type(IPAddress))))
    return Seen(
        fingerprint=fingerprint(found[0]),
        not_after=leaf.not_valid_after_utc,
        names=names,
        issuers=frozenset(map(fingerprint, found[1:])),
    )
