import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import MAXIMUM_ENTRY_SIZE, Record, TooLarge, entry

RECORD = Record(9, "certificate-1", 3, "certificate.issued.v1", 1_700_000_000_000_000, b"{}", b'{"a":1}', b"")


def test_the_bytes_are_fixed_for_ever():
    assert entry.encode(RECORD).hex() == (
        "000d" + b"certificate-1".hex() + "0000000000000003"
        "0015" + b"certificate.issued.v1".hex() + "00060a24181e4000"
        "00000002" + b"{}".hex() + "00000007" + b'{"a":1}'.hex()
    )


def test_the_leaf_hash_is_that_of_rfc_6962():
    encoded = entry.encode(RECORD)
    assert entry.leaf_hash(encoded) == hashlib.sha256(b"\0" + encoded).digest()


def test_the_position_is_not_in_the_entry():
    assert entry.encode(RECORD._replace(position=1)) == entry.encode(RECORD)


names = st.text("ab\u00e4", min_size=1, max_size=3)
numbers = st.integers(0, 300)
records = st.builds(Record, numbers, names, numbers, names, numbers, st.binary(), st.binary(), st.just(b""))


@given(records, records)
def test_different_records_have_different_entries(one, other):
    same = one._replace(position=0) == other._replace(position=0)
    assert (entry.encode(one) == entry.encode(other)) == same


@given(records)
def test_decoding_is_the_inverse_of_encoding(record):
    encoded = entry.encode(record)
    assert entry.decode(record.position, encoded) == record._replace(leaf_hash=entry.leaf_hash(encoded))


@given(st.binary(max_size=80) | st.integers(0, 60).map(lambda end: entry.encode(RECORD)[:end]))
def test_what_is_decoded_is_canonical_and_everything_else_is_refused(stored):
    try:
        record = entry.decode(1, stored)
    except ValueError:
        return
    try:
        assert entry.encode(record) == stored
    except ValueError as error:
        assert "a name" in str(error)  # noqa: PT017 - names are judged where records are


def test_the_size_is_bounded():
    room = MAXIMUM_ENTRY_SIZE - len(entry.encode(RECORD._replace(data=b"")))
    assert len(entry.encode(RECORD._replace(data=bytes(room)))) == MAXIMUM_ENTRY_SIZE
    with pytest.raises(TooLarge):
        entry.encode(RECORD._replace(data=bytes(room + 1)))


@pytest.mark.parametrize("change", [{"version": -1}, {"time": 1 << 64}, {"stream": ""}, {"type": "t\0"}])
def test_what_cannot_be_a_record_has_no_entry(change):
    with pytest.raises(ValueError, match=r"a name|a number"):
        entry.encode(RECORD._replace(**change))
