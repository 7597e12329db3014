"""The rules of CHAP secrets: one rotation at a time, each with one outcome that says which secrets hold no more."""

import pytest
from msgspec.structs import replace

from es_pki.commands.chap import CHAPRotationRunning, NoCHAPTarget, RecordCHAPRotation, RotateCHAPSecret
from es_pki.commands.reactions import DiscardCHAPSecrets, Due, RotateTargetSecret, Settled, react
from es_pki.commands.service import ReconfigureService, RetireService, ServiceDone, ServiceMissing
from es_pki.events import codec
from es_pki.events.happened import Happened
from es_pki.events.service import (
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentStep,
    Installation,
    InstallationAdopted,
    ServiceRetired,
)
from tests.builders import NOW
from tests.commands.test_service import registered, retired, spec

target = Installation(
    iscsi_target="iqn.2026-01.com.example:disk", iscsi_portal="[::1]:3260", chap_user="alice", tgtd_socket="/run/s"
)
TARGET = (registered, InstallationAdopted(target))
first = CHAPSecretPrepared("one", "key one", "target key one")
second = CHAPSecretPrepared("two", "key two")
rotated = CHAPSecretRotated("one")
failed = CHAPRotationFailed("one", DeploymentStep.PROBE, "no way", "words")


def test_a_target_gets_another_secret():
    spec.given(*TARGET).when(RotateCHAPSecret(first)).then(first)
    spec.given(*TARGET, first, rotated).when(RotateCHAPSecret(second)).then(second)
    spec.given(*TARGET, first, failed).when(RotateCHAPSecret(second)).then(second)


def test_the_same_rotation_again_is_none():
    spec.given(*TARGET, first).when(RotateCHAPSecret(replace(first, key_id="another"))).then_nothing()
    spec.given(*TARGET, first, rotated).when(RotateCHAPSecret(first)).then_nothing()


def test_who_is_no_target_has_no_secret():
    spec.given(registered).when(RotateCHAPSecret(first)).then_refused(NoCHAPTarget)
    spec.when(RotateCHAPSecret(first)).then_refused(ServiceMissing)
    spec.given(*TARGET, retired).when(RotateCHAPSecret(first)).then_refused(ServiceDone)


def test_rotations_take_turns_and_nothing_moves_under_one():
    for command in (RotateCHAPSecret(second), ReconfigureService(Installation()), RetireService("", ())):
        spec.given(*TARGET, first).when(command).then_refused(CHAPRotationRunning)


def test_an_outcome_discards_what_holds_no_more():
    spec.given(*TARGET, first).when(RecordCHAPRotation(rotated)).then(rotated)
    after = replace(rotated, rotation_id="two", key_ids=("key one", "target key one"))
    spec.given(*TARGET, first, rotated, second).when(RecordCHAPRotation(replace(rotated, rotation_id="two"))).then(
        after
    )
    spec.given(*TARGET, first).when(RecordCHAPRotation(failed)).then(
        replace(failed, key_ids=("key one", "target key one"))
    )
    gone = ServiceRetired("done with", ("key one", "target key one"))
    spec.given(*TARGET, first, rotated, second, replace(failed, rotation_id="two")).when(
        RetireService("done with", ())
    ).then(gone)


def test_an_outcome_of_no_running_rotation_is_none():
    spec.given(*TARGET).when(RecordCHAPRotation(rotated)).then_nothing()
    spec.given(*TARGET, first, rotated).when(RecordCHAPRotation(failed)).then_nothing()
    spec.given(*TARGET, first, rotated, second).when(RecordCHAPRotation(rotated)).then_nothing()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"iscsi_target": "disk"}, "iscsi_target"),
        ({"iscsi_target": "iqn.2026-01.com.example:disk\n"}, "iscsi_target"),
        ({"chap_user": ""}, "chap_user"),
        ({"chap_user": "a,password=b"}, "chap_user"),
        ({"chap_target_user": "alice"}, "chap_target_user"),
        ({"chap_secret_length": 11}, "chap_secret_length"),
        ({"chap_secret_length": 256}, "chap_secret_length"),
        ({"iscsi_portal": "localhost"}, "iscsi_portal"),
        ({"iscsi_portal": "", "login_command": ("/usr/bin/iscsi-inq",)}, "iscsi_portal"),
        ({"login_command": ("iscsi-inq",)}, "login_command[0]"),
        ({"tgtd_socket": "/run/../s"}, "tgtd_socket"),
        ({"chap_secrets_file": "secrets"}, "chap_secrets_file"),
    ],
)
def test_a_target_that_can_not_be_is_refused_by_its_field(fields, field):
    spec.given(*TARGET).when(ReconfigureService(replace(target, **fields))).then_breaks(field)


def test_a_rotation_is_due_until_it_ends_and_then_its_secrets_are_to_go():
    def effects(event):
        return list(react(Happened(7, "service-sid", 3, NOW, codec.encode(event)[0], "alice", event)))

    assert effects(first) == [Due(RotateTargetSecret("sid", "one"), at_once=True)]
    assert effects(rotated) == [Settled(RotateTargetSecret("sid", "one"))]
    discarding = Due(DiscardCHAPSecrets("sid", ("key one",)), at_once=True)
    assert effects(replace(failed, key_ids=("key one",))) == [Settled(RotateTargetSecret("sid", "one")), discarding]
    assert effects(ServiceRetired("", ("key one",))) == [discarding]
    assert effects(ServiceRetired("")) == []
