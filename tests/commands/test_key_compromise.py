"""The rules of compromised keys, one sentence each."""

import pytest

from es_pki.commands.key_compromise import RecordUsesRevoked, ReportKeyCompromise, decider
from es_pki.commands.refusals import NotFound
from es_pki.events.key_compromise import KeyCompromiseReported, KeyUsesRevoked
from tests.builders import KEY
from tests.spec import Spec

spec = Spec(decider)


def test_a_key_is_reported_with_a_reason():
    spec.when(ReportKeyCompromise(KEY.hash, "stolen")).then(KeyCompromiseReported("stolen"))


def test_a_key_is_reported_once_whatever_the_reason():
    spec.given(KeyCompromiseReported("stolen")).when(ReportKeyCompromise(KEY.hash, "sold")).then_nothing()


@pytest.mark.parametrize("text", ["", "00", KEY.hash.upper(), KEY.hash + "0", "g" * 64, KEY.hash[:-1] + "\n"])
def test_a_key_is_known_by_64_digits(text):
    spec.when(ReportKeyCompromise(text, "stolen")).then_breaks("public_key_hash")


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 201, "\u2028"])
def test_a_reason_is_one_line(reason):
    spec.when(ReportKeyCompromise(KEY.hash, reason)).then_breaks("reason")


def test_what_used_the_key_is_revoked_once_and_only_after_the_report():
    spec.given(KeyCompromiseReported("stolen")).when(RecordUsesRevoked(2)).then(KeyUsesRevoked(2))
    spec.when(RecordUsesRevoked(2)).then_refused(NotFound)
