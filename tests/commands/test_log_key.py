"""The log's signing key: one origin for ever, and as many keys as somebody asks for."""

from msgspec.structs import replace

from es_pki.commands import log_key
from es_pki.commands.log_key import CreateLogKey, LogKeyMissing, RotateLogKey
from es_pki.events.log_key import LogKeyAdopted
from tests.spec import Spec

spec = Spec(log_key.decider)
create = CreateLogKey("pki.example.test/log", "key-1", b"1" * 32)
rotate = RotateLogKey("018f0000-0000-7000-8000-000000000003", "key-2", b"2" * 32)
first = LogKeyAdopted("pki.example.test/log", "key-1", b"1" * 32)
second = LogKeyAdopted("pki.example.test/log", "key-2", b"2" * 32, rotate.rotation_id)


def test_the_first_key_comes_with_the_origin():
    spec.given().when(create).then(first)


def test_a_log_that_has_a_key_keeps_it_and_its_origin():
    spec.given(first).when(replace(create, origin="elsewhere.test/log", key_id="key-3")).then_nothing()


def test_a_rotated_key_signs_under_the_same_origin():
    spec.given(first).when(rotate).then(second)


def test_the_same_rotation_again_changes_nothing():
    spec.given(first, second).when(replace(rotate, key_id="key-3")).then_nothing()


def test_another_rotation_adopts_another_key():
    again = replace(rotate, rotation_id="another", key_id="key-3")
    spec.given(first, second).when(again).then(replace(second, key_id="key-3", rotation_id="another"))


def test_what_is_not_there_can_not_be_rotated():
    spec.given().when(rotate).then_refused(LogKeyMissing)
