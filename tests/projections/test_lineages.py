"""How the inventory and the calendar show a lineage: the current version, and others that still matter."""

from datetime import timedelta

from msgspec.structs import replace

from es_pki.commands.certificate import decider
from es_pki.events import codec
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateLabelled,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    SigningFailed,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened
from es_pki.projections import expiry_calendar, inventory
from tests.builders import CERTIFICATE_ID, LATER, NOW, issue
from tests.spec import Spec, encode

(FIRST,) = Spec(decider(encode)).when(issue()).events()
STEP = timedelta(days=60)


def version(number, **changes):
    """Return the intention of a version, two months after the one before."""
    begin, end = (time + STEP * (number - 1) for time in (FIRST.not_before, FIRST.not_after))
    return replace(FIRST, version=number, serial_number=f"0{number}", not_before=begin, not_after=end, **changes)


def signed(number):
    return version(number), CertificateIssued(number, b"der %d" % number)


def shown(view, *events, time=NOW):
    """Return the row after events; a version is prepared when it begins."""
    row = None
    for position, event in enumerate(events, 1):
        time = getattr(event, "not_before", time)
        happened = Happened(
            position, f"certificate-{CERTIFICATE_ID}", position, time, codec.encode(event)[0], "alice", event
        )
        row = view.evolve(row, happened)
    return row


def in_inventory(*events):
    return shown(inventory.view, *events)


def others(row):
    return [(other.version, str(getattr(other, "status", ""))) for other in row.other_versions]


def test_before_its_first_signature_a_certificate_has_no_current_version():
    row = in_inventory(version(1))
    assert (row.version, row.current_version, row.status) == (1, None, "prepared")


def test_a_renewal_shows_beside_the_current_version_until_it_is_signed():
    row = in_inventory(*signed(1), version(2))
    assert (row.version, row.current_version, row.serial_number, others(row)) == (1, 1, "01", [(2, "prepared")])
    row = in_inventory(*signed(1), *signed(2))
    assert (row.version, row.current_version, row.serial_number, others(row)) == (2, 2, "02", [(1, "issued")])


def test_a_failed_renewal_leaves_the_current_version_and_shows_until_the_next():
    failed = *signed(1), version(2), SigningFailed(2, "the key is gone")
    row = in_inventory(*failed)
    assert (row.status, row.current_version, others(row)) == ("issued", 1, [(2, "failed")])
    assert row.other_versions[0].failure == "the key is gone"
    row = in_inventory(*failed, *signed(3))
    assert (row.current_version, row.versions, [number for number, _ in others(row)]) == (3, 3, [1])


def test_a_first_version_that_failed_is_replaced_by_the_next():
    row = in_inventory(version(1), SigningFailed(1, "why"))
    assert (row.status, row.failure) == ("failed", "why")
    row = in_inventory(version(1), SigningFailed(1, "why"), version(2))
    assert (row.version, row.status, row.failure, row.versions) == (2, "prepared", None, 2)


def test_versions_that_do_not_hold_any_more_leave_the_row():
    row = in_inventory(*signed(1), *signed(2), *signed(3), *signed(4))
    assert (row.current_version, row.versions, others(row)) == (4, 4, [(3, "issued")])


def test_a_row_does_not_grow_with_the_versions():
    events = [event for number in range(1, 50) for event in signed(number)]
    assert len(in_inventory(*events).other_versions) == 1


def test_rolling_back_shows_the_earlier_version_as_it_was():
    before = in_inventory(*signed(1))
    row = in_inventory(*signed(1), *signed(2), CertificateRolledBack(1))
    assert (row.current_version, row.versions, others(row)) == (1, 2, [(2, "issued")])
    assert (row.fingerprint, row.not_after, row.issued_at) == (before.fingerprint, before.not_after, before.issued_at)


def test_names_labels_and_owner_belong_to_the_lineage():
    described = CertificateLabelled({"team": "web"}), OwnerAssigned("alice")
    row = in_inventory(*signed(1), *described, CertificateRenamed("web", "www"), version(2, name="web"))
    assert (row.name, row.aliases, row.labels, row.owner) == ("web", ("www",), {"team": "web"}, "alice")
    row = in_inventory(*signed(1), CertificateRenamed("web", "www", former_name_released=True))
    assert (row.name, row.aliases) == ("web", ())


def test_what_is_deleted_leaves_inventory_and_calendar():
    events = *signed(1), CertificateDeleted(names=("www",))
    assert in_inventory(*events) is None
    assert shown(expiry_calendar.view, *events) is None


def test_the_calendar_has_one_entry_a_certificate_that_of_its_current_version():
    entry = shown(expiry_calendar.view, *signed(1), version(2))
    assert (entry.version, entry.signed, entry.not_after) == (1, "yes", FIRST.not_after)
    entry = shown(expiry_calendar.view, *signed(1), *signed(2))
    assert (entry.version, entry.signed, entry.serial_number) == (2, "yes", "02")
    assert entry.not_after > LATER + STEP / 2
    entry = shown(expiry_calendar.view, *signed(1), *signed(2), CertificateRolledBack(1))
    assert (entry.version, entry.not_after) == (1, FIRST.not_after)


def test_the_calendar_counts_how_often_the_entry_of_a_version_changes():
    entry = shown(expiry_calendar.view, *signed(1))
    assert (entry.sequence, entry.was_current, entry.other_versions) == (0, True, ())
    entry = shown(expiry_calendar.view, *signed(1), version(2))
    assert [(other.version, other.was_current) for other in entry.other_versions] == [(2, False)]
    entry = shown(expiry_calendar.view, *signed(1), *signed(2))
    assert (entry.sequence, [(other.version, other.sequence) for other in entry.other_versions]) == (0, [(1, 1)])
    entry = shown(expiry_calendar.view, *signed(1), *signed(2), CertificateRolledBack(1))
    assert (entry.sequence, [(other.version, other.sequence) for other in entry.other_versions]) == (2, [(2, 1)])
    assert shown(expiry_calendar.view, *signed(1), CertificateRenamed("web", "www")).sequence == 1


def test_the_calendar_knows_owners_and_labels():
    described = CertificateLabelled({"team": "web"}), OwnerAssigned("alice")
    entry = shown(expiry_calendar.view, *signed(1), *described, *signed(2))
    assert (entry.owner, entry.labels) == ("alice", {"team": "web"})


def test_a_failed_renewal_leaves_the_calendar_as_it_was():
    entry = shown(expiry_calendar.view, *signed(1), version(2), SigningFailed(2, "why"))
    assert entry == shown(expiry_calendar.view, *signed(1))


def test_the_calendar_calls_things_by_their_present_names():
    assert shown(expiry_calendar.view, *signed(1), CertificateRenamed("web", "www")).name == "web"


PLANNED = SupersessionPlanned(1, "www", FIRST.serial_number, FIRST.not_before, FIRST.not_after, LATER)
WAITS = SupersessionHeldUp(1, ("nginx",), LATER + timedelta(days=1))


def test_the_calendar_shows_when_an_earlier_version_is_to_be_revoked_and_who_holds_that_up():
    entry = shown(expiry_calendar.view, PLANNED)
    assert (entry.what, entry.at, entry.name, entry.version, entry.held_up_by) == ("revocation", LATER, "www", 1, ())
    entry = shown(expiry_calendar.view, PLANNED, WAITS)
    assert (entry.at, entry.held_up_by) == (LATER + timedelta(days=1), ("nginx",))
    assert shown(expiry_calendar.view, PLANNED, WAITS, SupersessionEnded(1)) is None


def test_a_plan_has_an_entry_of_its_own():
    def key(event):
        return expiry_calendar.view.key(Happened(1, f"certificate-{CERTIFICATE_ID}", 1, NOW, "", "alice", event))

    assert key(PLANNED) == key(WAITS) == key(SupersessionEnded(1)) != key(FIRST)


def test_the_inventory_shows_what_is_planned_for_a_version():
    def first(*events):
        (version,) = in_inventory(*signed(1), *signed(2), *events).other_versions
        return version.revocation_due_at, version.held_up_by

    assert first(PLANNED) == (LATER, ())
    assert first(PLANNED, WAITS) == (LATER + timedelta(days=1), ("nginx",))
    assert first(PLANNED, WAITS, SupersessionEnded(1)) == (None, ())
