"""Drift: how what a service serves differs from what it is to serve, one small rule each."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from es_pki.events.service import Drift, Probe, ServiceObserved
from es_pki.values import SubjectAltNames


class Seen(Struct, frozen=True):
    """What was seen: the fingerprint of the certificate, its end and names, and the fingerprints of its issuers."""

    fingerprint: str
    not_after: datetime
    names: SubjectAltNames
    issuers: frozenset[str]


class Expected(Struct, frozen=True):
    """What is to be seen: which version, of those known by their fingerprints, with the issuers (without the root)."""

    version: int
    versions: Mapping[str, int]
    issuers: frozenset[str]


class RecordObservation(Struct, frozen=True):
    """Record what was seen, or why nothing was."""

    observed: ServiceObserved


def drift(seen: Seen, expected: Expected, probe: Probe, now: datetime) -> Iterator[Drift]:
    """Yield how what was seen differs from what is expected."""
    version = expected.versions.get(seen.fingerprint)
    if seen.not_after <= now:
        yield Drift.EXPIRED
    if version is None:
        yield Drift.FOREIGN
    elif version < expected.version:
        yield Drift.OLDER_VERSION
    elif version > expected.version:
        yield Drift.NEWER_VERSION
    elif not expected.issuers <= seen.issuers:
        yield Drift.INCOMPLETE_CHAIN
    if not _is_named(seen.names, probe):
        yield Drift.WRONG_HOST


def _is_named(names: SubjectAltNames, probe: Probe) -> bool:
    """Tell whether the certificate names the service (RFC 9525 section 6); an address alone is only where we look."""
    name = (probe.server_name or probe.address.rpartition(":")[0].strip("[]")).lower()
    try:
        address = str(ipaddress.ip_address(name))
    except ValueError:
        return any(_matches(name, pattern) for pattern in names.dns_names)
    return not probe.server_name or address in names.ip_addresses


def _matches(name: str, pattern: str) -> bool:
    """RFC 9525 section 6.3: a wildcard stands for exactly one label, the leftmost."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return name == pattern
