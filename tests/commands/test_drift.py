"""The rules of drift, one sentence each, and when an observation is an event."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands.drift import Expected, RecordObservation, Seen, drift
from es_pki.commands.service import ServiceDone, ServiceMissing
from es_pki.events.service import CertificateDeployed, DeploymentStarted, Drift, Probe, ServiceObserved
from es_pki.values import SubjectAltNames
from tests.builders import CERTIFICATE_ID, NOW
from tests.commands.test_service import BOUND, retired, spec

PROBE = Probe("192.0.2.1:443", server_name="www.example.test")
EXPECTED = Expected(2, {"one": 1, "two": 2, "three": 3}, frozenset({"intermediate"}))
SEEN = Seen(
    "two", NOW + timedelta(days=30), SubjectAltNames(("www.example.test",), ("192.0.2.7",)), frozenset({"intermediate"})
)


def found(seen=SEEN, probe=PROBE):
    return list(drift(seen, EXPECTED, probe, NOW))


def test_what_is_as_it_should_be_has_no_drift():
    assert found() == []
    assert found(replace(SEEN, issuers=frozenset({"intermediate", "root"}))) == []


@pytest.mark.parametrize(
    ("changes", "drifts"),
    [
        ({"fingerprint": "one"}, [Drift.OLDER_VERSION]),
        ({"fingerprint": "three"}, [Drift.NEWER_VERSION]),
        ({"fingerprint": "another"}, [Drift.FOREIGN]),
        ({"not_after": NOW}, [Drift.EXPIRED]),
        ({"issuers": frozenset()}, [Drift.INCOMPLETE_CHAIN]),
        ({"issuers": frozenset({"root"})}, [Drift.INCOMPLETE_CHAIN]),
        ({"names": SubjectAltNames(("example.test",))}, [Drift.WRONG_HOST]),
        ({"fingerprint": "one", "not_after": NOW}, [Drift.EXPIRED, Drift.OLDER_VERSION]),
    ],
)
def test_each_way_to_differ_is_told(changes, drifts):
    assert found(replace(SEEN, **changes)) == drifts


@pytest.mark.parametrize(
    ("probe", "names", "is_named"),
    [
        (Probe("www.example.test:443"), ("www.example.test",), True),
        (Probe("WWW.example.test:443"), ("*.example.test",), True),
        (Probe("a.www.example.test:443"), ("*.example.test",), False),
        (Probe("example.test:443"), ("*.example.test",), False),
        (Probe("192.0.2.1:443"), (), True),
        (Probe("[2001:db8::1]:443"), (), True),
        (Probe("192.0.2.1:443", server_name="192.0.2.7"), (), True),
        (Probe("192.0.2.1:443", server_name="192.0.2.8"), (), False),
    ],
)
def test_a_certificate_names_the_service_but_no_address_where_it_is_only_looked_at(probe, names, is_named):
    seen = replace(SEEN, names=SubjectAltNames(names, ("192.0.2.7",)))
    assert found(seen, probe) == ([] if is_named else [Drift.WRONG_HOST])


OBSERVED = ServiceObserved("one", (Drift.OLDER_VERSION,), "until 2026")


def test_an_observation_is_an_event_when_something_has_changed():
    spec.given(*BOUND).when(RecordObservation(OBSERVED)).then(OBSERVED)
    spec.given(*BOUND, OBSERVED).when(RecordObservation(replace(OBSERVED, detail="otherwise"))).then_nothing()
    unreachable = ServiceObserved("", (Drift.UNREACHABLE,))
    spec.given(*BOUND, OBSERVED).when(RecordObservation(unreachable)).then(unreachable)


def test_what_a_deployment_saw_is_not_seen_anew():
    started = DeploymentStarted("a", CERTIFICATE_ID, 2, "two", "key")
    seen = RecordObservation(ServiceObserved("two"))
    spec.given(*BOUND, started, CertificateDeployed("a")).when(seen).then_nothing()
    spec.given(*BOUND, started, CertificateDeployed("a", was_seen=False)).when(seen).then(ServiceObserved("two"))


def test_nobody_looks_at_an_unknown_or_retired_service():
    spec.when(RecordObservation(OBSERVED)).then_refused(ServiceMissing)
    spec.given(*BOUND, retired).when(RecordObservation(OBSERVED)).then_refused(ServiceDone)
