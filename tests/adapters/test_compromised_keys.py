"""What the examination of a log finds that no rule of today lets through."""

import pytest

from es_pki.adapters.examination import Examination
from es_pki.commands import authority, certificate
from es_pki.events import codec
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from tests.builders import CERTIFICATE_ID, KEY, NOW, ROOT_ID, create_authority, issue
from tests.spec import encode

AUTHORITY = authority.decider(encode)
CERTIFICATE = certificate.decider(encode)
OTHER = "0" * 64

FOUND = "it was prepared for, or under, a key that had been reported as compromised"


def problems(*told):
    """Examine events, each with its stream."""
    examination = Examination()
    for position, (stream, event) in enumerate(told, 1):
        examination.look_at(Happened(position, stream, 1, NOW, codec.TYPE_NAMES[type(event)], "alice", event))
    return [(finding.position, finding.problem) for finding in examination.findings if finding.problem == FOUND]


def root():
    (event,) = AUTHORITY.decide(create_authority(), AUTHORITY.initial)
    return f"authority-{ROOT_ID}", event


def leaf(**changes):
    (event,) = CERTIFICATE.decide(issue(**changes), CERTIFICATE.initial)
    return f"certificate-{CERTIFICATE_ID}", event


def report(of_key):
    return f"key_compromise-{of_key}", KeyCompromiseReported("stolen")


@pytest.mark.parametrize(
    ("history", "found"),
    [
        ((root(), leaf(), report(KEY.hash)), []),
        ((root(), report(OTHER), leaf()), []),
        ((report(KEY.hash), root()), [2]),
        ((root(), report(KEY.hash), leaf(public_key=KEY)), [3]),
    ],
    ids=["reported afterwards", "another key", "for a compromised key", "under a compromised key"],
)
def test_a_certificate_of_after_the_report_is_a_finding(history, found):
    assert [position for position, _ in problems(*history)] == found
