"""The deep audit: what the log's own evidence can't tell, each contradiction planted and found."""

import pytest
from msgspec.structs import replace

from es_pki.adapters.examination import Examination
from es_pki.commands.authority import subject_digest
from es_pki.events import codec
from es_pki.events.authority import AuthorityKeyImported
from es_pki.events.certificate import (
    CertificateKeyImported,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.log_key import LogKeyAdopted, LogRestored
from es_pki.events.profile import ProfileDefined, ProfileRetired
from es_pki.events.reservation import NameReserved, SerialNumberReserved
from es_pki.values import public_key_hash
from es_pki.values.profile import Profile, ProfileTerms
from tests.builders import NOW, ROOT_ID, create_authority, issue
from tests.commands.test_authority import spec
from tests.commands.test_certificate import spec as certificates
from tests.commands.test_importing import FOREIGN, imported


def prepared():
    (event,) = spec.when(create_authority()).events()
    return event


def claims(event):
    return {
        f"authority_name-{event.name}": NameReserved(ROOT_ID),
        f"authority_subject-{subject_digest(event.subject)}": NameReserved(ROOT_ID),
        f"serial_number-{ROOT_ID}-{event.serial_number}": SerialNumberReserved(ROOT_ID),
    }


def findings(*recorded):
    examination = Examination()
    for position, (stream, event) in enumerate(recorded, 1):
        type_name = codec.encode(event)[0]
        examination.look_at(Happened(position, stream, 1, NOW, type_name, "alice", event))
    examination.end()
    return [finding.problem for finding in examination.findings]


def test_what_is_reserved_with_its_event_is_sound():
    event = prepared()
    assert findings((f"authority-{ROOT_ID}", event), *claims(event).items()) == []


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_reservation_that_is_missing_at_the_end_is_found(left_out):
    event = prepared()
    reserved = list(claims(event).items())
    missing, _ = reserved.pop(left_out)
    assert findings((f"authority-{ROOT_ID}", event), *reserved) == [f"{missing!r} was not reserved with it"]


def test_a_reservation_for_nothing_is_found():
    (problem,) = findings(("certificate_name-www", NameReserved(ROOT_ID)))
    assert "who has no use for it" in problem


OF_BRANCH = ("profile_name-branch", NameReserved("p"))


def made_under(version):
    (event,) = certificates.when(issue(profile=Profile("branch", version, ProfileTerms()))).events()
    return (
        ("certificate-c", event),
        ("certificate_name-www", NameReserved("c")),
        (f"serial_number-{ROOT_ID}-1234", SerialNumberReserved("c")),
    )


def branch(version):
    return ("profile-p", ProfileDefined("branch", version, ProfileTerms()))


RETIRED = ("profile-p", ProfileRetired(""))


def test_a_profile_whose_versions_follow_each_other_is_sound():
    assert findings(branch(1), OF_BRANCH, branch(2), *made_under(2), RETIRED, branch(3)) == []


@pytest.mark.parametrize(
    ("recorded", "problem"),
    [
        ((branch(1),), "'profile_name-branch' was not reserved with it"),
        ((branch(1), OF_BRANCH, branch(3)), "version 3 of the profile branch doesn't follow the one before"),
        ((branch(1), OF_BRANCH, branch(1), OF_BRANCH), "version 1 of the profile branch doesn't follow the one before"),
        ((RETIRED,), "a profile was retired that was not in use"),
        (made_under(1), "it was prepared under version 1 of the profile branch, which was not in use"),
        (
            (branch(1), OF_BRANCH, branch(2), *made_under(1)),
            "it was prepared under version 1 of the profile branch, which was not in use",
        ),
        (
            (branch(1), OF_BRANCH, RETIRED, *made_under(1)),
            "it was prepared under version 1 of the profile branch, which was not in use",
        ),
    ],
)
def test_a_profile_that_can_not_have_been_so_is_found(recorded, problem):
    assert problem in findings(*recorded)


def test_an_origin_that_changes_is_found():
    keys = [LogKeyAdopted(origin, "key", b"1" * 32) for origin in ("a.test/log", "a.test/log", "b.test/log")]
    (problem,) = findings(*(("log_key-log", key) for key in keys))
    assert "changed its origin from 'a.test/log' to 'b.test/log'" in problem


def test_an_origin_ends_where_the_log_was_restored_and_only_there():
    old, new = (LogKeyAdopted(origin, "key", b"1" * 32) for origin in ("a.test/log", "b.test/log"))
    restored = LogRestored("a.test/log", 1, b"2" * 32, "a note", "b.test/log", "a broken disk")
    assert findings(*(("log_key-log", event) for event in (old, restored, new))) == []
    for events, problem in (
        ((old, restored, old), "changed its origin from 'b.test/log' to 'a.test/log'"),
        ((old, replace(restored, size=2)), "not the record behind the 2 that were restored"),
        ((new, restored), "changed its origin from 'b.test/log' to 'a.test/log'"),
    ):
        assert any(problem in found for found in findings(*(("log_key-log", event) for event in events)))


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (
            SupersessionPlanned(1, "www", "1234", NOW, NOW, NOW),
            "the end of version 1 was planned, never issued",
        ),
        (SupersessionHeldUp(1, ("web",), NOW), "version 1 was held up, whose end nobody planned"),
        (SupersessionEnded(1), "the plan for version 1 ended, whose end nobody planned"),
    ],
)
def test_a_plan_that_can_not_have_been_so_is_found(event, problem):
    (prepared,) = certificates.when(issue()).events()
    assert problem in findings(("certificate-c", prepared), ("certificate-c", event))


@pytest.mark.parametrize(
    ("brought", "problems"),
    [
        (CertificateKeyImported(1, "key", FOREIGN.public_key_hash), []),
        (CertificateKeyImported(1, "key", "00"), ["a key was imported that is not that of version 1"]),
        (
            CertificateKeyImported(2, "key", FOREIGN.public_key_hash),
            ["the key of version 2 was imported, which was never issued"],
        ),
    ],
)
def test_a_key_that_is_not_the_certificates_is_found(brought, problems):
    without = findings(("certificate-c", imported()))
    assert findings(("certificate-c", imported()), ("certificate-c", brought)) == [*without, *problems]


def test_a_key_that_is_not_the_authoritys_is_found():
    event = prepared()
    of_key, stream = public_key_hash(event.public_key), f"authority-{ROOT_ID}"
    reported = (f"key_compromise-{of_key}", KeyCompromiseReported("stolen"))
    made = (stream, event), *claims(event).items()
    for events, problems in (
        (((stream, AuthorityKeyImported("key", of_key)),), []),
        (((stream, AuthorityKeyImported("key", "00")),), ["a key was imported that is not the authority's"]),
        (
            (reported, (stream, AuthorityKeyImported("key", of_key))),
            ["a key was imported that had been reported as compromised"],
        ),
    ):
        assert findings(*made, *events) == problems
