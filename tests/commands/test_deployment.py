"""The rules of deployments: one at a time, of what is bound, each with one outcome."""

import pytest
from msgspec.structs import replace

from es_pki.commands.deployment import (
    DeploymentRunning,
    KeyNotHere,
    NothingBound,
    NothingInstalled,
    RecordDeployment,
    StartDeployment,
)
from es_pki.commands.reactions import DeployService, Due, RedeployCertificate, Settled, react
from es_pki.commands.service import ReconfigureService, RetireService, ServiceDone, ServiceMissing
from es_pki.decider import Guard
from es_pki.events import codec
from es_pki.events.certificate import CertificateIssued, CertificateRolledBack
from es_pki.events.happened import Happened
from es_pki.events.service import (
    CertificateDeployed,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Installation,
    InstallationAdopted,
    Probe,
)
from tests.builders import CERTIFICATE_ID, NOW
from tests.commands.test_service import BOUND, decider, registered, retired, spec

CURRENT = Guard(f"certificate-{CERTIFICATE_ID}", 4)
started = DeploymentStarted("first", CERTIFICATE_ID, 2, "two", "key", leaves_key=True)
start = StartDeployment(started, key_is_here=True, unless_deployed=False, still_current=CURRENT)
again = replace(start, started=replace(started, deployment_id="second"))
deployed = CertificateDeployed("first")
rolled_back = DeploymentRolledBack("first", DeploymentStep.TEST, "a wrong pair")
failed = DeploymentFailed("first", DeploymentStep.STAGE, "no folder")
lost = DeploymentFailed("first", DeploymentStep.RESTORE, "all is lost")


def test_a_deployment_starts_and_rests_on_the_current_version():
    spec.given(*BOUND).when(start).then(started)
    assert decider.guards(start) == (CURRENT,)


def test_what_is_not_bound_or_has_nothing_to_deploy_with_is_not_deployed():
    spec.given(registered).when(start).then_refused(NothingBound)
    spec.given(*BOUND, InstallationAdopted(Installation(owner="root"))).when(start).then_refused(NothingInstalled)
    watched = InstallationAdopted(Installation(probe=Probe("localhost:443")))
    spec.given(*BOUND, watched).when(start).then(started)
    spec.when(start).then_refused(ServiceMissing)
    spec.given(*BOUND, retired).when(start).then_refused(ServiceDone)


def test_a_key_that_is_elsewhere_is_only_missed_where_it_is_needed():
    spec.given(*BOUND).when(replace(start, key_is_here=False)).then_refused(KeyNotHere)
    without = replace(start, key_is_here=False, started=replace(started, leaves_key=False))
    spec.given(*BOUND).when(without).then(without.started)


def test_deployments_of_a_service_take_turns():
    spec.given(*BOUND, started).when(start).then_nothing()
    spec.given(*BOUND, started).when(again).then_refused(DeploymentRunning)
    for outcome in (deployed, rolled_back, failed, lost):
        spec.given(*BOUND, started, outcome).when(again).then(again.started)


@pytest.mark.parametrize("command", [ReconfigureService(Installation()), RetireService("", ())])
def test_what_a_deployment_works_with_stays_as_it_is_meanwhile(command):
    spec.given(*BOUND, started).when(command).then_refused(DeploymentRunning)
    spec.given(*BOUND, started, deployed).when(command).events()


@pytest.mark.parametrize(
    ("history", "is_due"),
    [
        ((), True),
        ((started, deployed), False),
        ((started, rolled_back), True),
        ((started, deployed, again.started, replace(rolled_back, deployment_id="second")), False),
        ((started, deployed, again.started, replace(failed, deployment_id="second")), False),
        ((started, deployed, again.started, replace(lost, deployment_id="second")), True),
    ],
)
def test_what_the_service_has_for_sure_is_not_deployed_again_by_itself(history, is_due):
    due = replace(start, started=replace(started, deployment_id="third"), unless_deployed=True)
    assert bool(spec.given(*BOUND, *history).when(due).events()) is is_due


@pytest.mark.parametrize("outcome", [deployed, rolled_back, failed])
def test_a_deployment_has_one_outcome(outcome):
    spec.given(*BOUND, started).when(RecordDeployment(outcome)).then(outcome)
    spec.given(*BOUND, started, lost).when(RecordDeployment(outcome)).then_nothing()
    spec.given(*BOUND).when(RecordDeployment(outcome)).then_nothing()


def reactions_to(event, stream="service-s"):
    return list(react(Happened(7, stream, 1, NOW, codec.encode(event)[0], "alice", event)))


def test_a_deployment_is_carried_out_until_its_outcome():
    effect = DeployService("s", "first")
    assert reactions_to(started) == [Due(effect, at_once=True)]
    for outcome in (deployed, rolled_back, failed):
        assert reactions_to(outcome) == [Settled(effect)]


def test_a_later_version_is_brought_to_its_services():
    stream, effect = "certificate-c", Due(RedeployCertificate("c", 7), at_once=True)
    assert effect in reactions_to(CertificateIssued(2, b"der"), stream)
    assert reactions_to(CertificateRolledBack(1), stream) == [effect]
    assert effect not in reactions_to(CertificateIssued(1, b"der"), stream)
