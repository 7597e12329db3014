"""The deep audit: what the log's own evidence can't tell, each contradiction planted and found."""

import pytest

from es_pki.adapters.examination import Examination
from es_pki.commands.authority import subject_digest
from es_pki.events import codec
from es_pki.events.happened import Happened
from es_pki.events.log_key import LogKeyAdopted
from es_pki.events.reservation import NameReserved, SerialNumberReserved
from tests.builders import NOW, ROOT_ID, create_authority
from tests.commands.test_authority import spec


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
        type_name = codec.TYPE_NAMES[type(event)]
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


def test_an_origin_that_changes_is_found():
    keys = [LogKeyAdopted(origin, "key", b"1" * 32) for origin in ("a.test/log", "a.test/log", "b.test/log")]
    (problem,) = findings(*(("log_key-log", key) for key in keys))
    assert "changed its origin from 'a.test/log' to 'b.test/log'" in problem
