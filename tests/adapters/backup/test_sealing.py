"""A sealed file opens with its passphrase as it was sealed, and not at all after any change."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.backup import BackupDamaged, BackupRefused, sealing
from es_pki.adapters.backup.sealing import CHUNK_SIZE, HEADER_SIZE, TAG_SIZE, Sealer

PASSPHRASE = "a passphrase that is long"  # noqa: S105 - made for these tests
CHEAP = 4
WHOLE = CHUNK_SIZE + TAG_SIZE


def sealed(content, *, in_pieces_of=None):
    file = io.BytesIO()
    sealer = Sealer(file.write, PASSPHRASE, cost=CHEAP)
    for start in range(0, len(content), in_pieces_of or len(content) or 1):
        sealer.write(content[start : start + (in_pieces_of or len(content))])
    sealer.end()
    return file.getvalue()


def opened(stored, passphrase=PASSPHRASE):
    return b"".join(sealing.opened(io.BytesIO(stored).read, passphrase))


CONTENT = bytes(range(256)) * 600  # two chunks and a part
SEALED = sealed(CONTENT)


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
@pytest.mark.parametrize("piece", [None, 1_000, CHUNK_SIZE])
def test_what_was_sealed_is_opened(size, piece):
    content = (CONTENT * 2)[:size]
    assert opened(sealed(content, in_pieces_of=piece)) == content


def test_no_two_files_are_sealed_alike_and_nothing_of_the_content_shows():
    again = sealed(CONTENT)
    assert again[HEADER_SIZE:] != SEALED[HEADER_SIZE:]
    assert CONTENT[:64] not in SEALED


def test_another_passphrase_is_said_to_be_wrong():
    with pytest.raises(BackupRefused, match="passphrase is wrong"):
        opened(SEALED, "a passphrase that is wrong")


def test_a_short_passphrase_is_refused():
    with pytest.raises(BackupRefused, match="12 characters"):
        Sealer(lambda _: None, "too short", cost=CHEAP)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_before_anything_after_it_is_believed(place, change):
    changed = bytearray(SEALED)
    changed[place] ^= change
    if place == len(sealing.MARK):  # scrypt's cost
        changed[place] = CHEAP + 1 if change % 2 else 200
    got, chunks = [], sealing.opened(io.BytesIO(bytes(changed)).read, PASSPHRASE)
    with pytest.raises((BackupDamaged, BackupRefused)):
        got.extend(chunks)
    assert CONTENT.startswith(b"".join(got))


@pytest.mark.parametrize(
    "size", [0, 10, HEADER_SIZE - 1, HEADER_SIZE, HEADER_SIZE + 5, HEADER_SIZE + WHOLE, HEADER_SIZE + 2 * WHOLE, -1]
)
def test_a_file_that_was_cut_off_is_found_wherever_it_ends(size):
    with pytest.raises(BackupDamaged):
        opened(SEALED[:size])


def chunks():
    return [SEALED[start : start + WHOLE] for start in range(HEADER_SIZE, len(SEALED), WHOLE)]


def rearranged(*numbers):
    return SEALED[:HEADER_SIZE] + b"".join(chunks()[number] for number in numbers)


@pytest.mark.parametrize("numbers", [(1, 0, 2), (0, 2), (0, 0, 1, 2), (0, 1, 2, 2), (2,), (0, 1)], ids=str)
def test_chunks_that_were_swapped_dropped_or_repeated_are_found(numbers):
    assert opened(rearranged(0, 1, 2)) == CONTENT
    with pytest.raises(BackupDamaged):
        opened(rearranged(*numbers))


def test_a_chunk_of_another_file_under_the_same_passphrase_is_found():
    other = sealed(CONTENT)
    with pytest.raises(BackupDamaged):
        opened(SEALED[: HEADER_SIZE + WHOLE] + other[HEADER_SIZE + WHOLE :])
    with pytest.raises(BackupDamaged):
        opened(other[:HEADER_SIZE] + SEALED[HEADER_SIZE:])


def test_anything_behind_the_end_is_found():
    with pytest.raises(BackupDamaged):
        opened(SEALED + b"\0")
