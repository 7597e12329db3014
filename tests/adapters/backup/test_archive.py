"""The archive is one that any tar reads, and no byte of it can be changed unnoticed."""

import io
import subprocess
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.backup import BackupDamaged, archive
from es_pki.adapters.backup.archive import Member, Packer

MEMBERS = [
    Member("manifest.json", b"{}\n"),
    Member("tile/entries/x001/x234/067.p/12", bytes(range(256)) * 10),
    Member("empty", b""),
    Member("keys/000000.jsonl", b"x" * 512),
]


def packed(members=MEMBERS):
    file = io.BytesIO()
    packer = Packer(file.write)
    for member in members:
        packer.add(*member)
    packer.end()
    return file.getvalue()


def unpacked(stored, piece=7):
    return list(archive.unpacked(stored[at : at + piece] for at in range(0, len(stored), piece)))


PACKED = packed()


def damaged(tar):
    """An archive around other tar bytes, whose checksum is right."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    trailer = zlib.crc32(tar).to_bytes(4, "little") + len(tar).to_bytes(4, "little")
    return archive.BEGINNING + deflate.compress(tar) + deflate.flush() + trailer


TAR = zlib.decompress(PACKED, 31)


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_what_was_packed_is_unpacked(piece):
    assert unpacked(PACKED, piece) == MEMBERS
    assert unpacked(damaged(TAR)) == MEMBERS
    assert unpacked(packed([])) == []


def test_the_same_content_gives_the_same_file():
    assert packed() == PACKED


def test_other_programs_read_it(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(PACKED)
    subprocess.run(["tar", "xzf", "a.tar.gz"], cwd=tmp_path, check=True)
    for name, content in MEMBERS:
        assert (tmp_path / name).read_bytes() == content
    with tarfile.open(tmp_path / "a.tar.gz") as read:
        assert read.getnames() == [member.name for member in MEMBERS]


def test_every_changed_byte_of_the_file_is_found_or_changes_nothing():
    """The same bytes can be compressed in more ways than one."""
    found = 0
    for place in range(len(PACKED)):
        for change in (0x01, 0x80, 0xFF):
            changed = bytearray(PACKED)
            changed[place] ^= change
            try:
                assert unpacked(bytes(changed)) == MEMBERS
            except BackupDamaged:
                found += 1
    assert found > 0.95 * 3 * len(PACKED)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TAR) - 1), st.integers(1, 255))
def test_every_changed_byte_beside_the_contents_is_found_though_the_checksum_was_made_anew(place, change):
    changed = bytearray(TAR)
    changed[place] ^= change
    try:
        members = unpacked(damaged(bytes(changed)))
    except BackupDamaged:
        return
    assert [member.name for member in members] == [member.name for member in MEMBERS]
    assert members != MEMBERS


@pytest.mark.parametrize("size", range(0, len(PACKED), 37))
def test_an_archive_that_was_cut_off_is_found_wherever_it_ends(size):
    with pytest.raises(BackupDamaged):
        unpacked(PACKED[:size])


@pytest.mark.parametrize("more", [b"\0", b"\0" * 1_024, PACKED, b"x" * 100_000])
def test_anything_behind_the_end_is_found(more):
    with pytest.raises(BackupDamaged):
        unpacked(PACKED + more)
    with pytest.raises(BackupDamaged):
        unpacked(damaged(TAR + more))


def test_nothing_but_a_plain_file_of_bounded_size_is_taken():
    for field, value in (("type", tarfile.SYMTYPE), ("size", archive.LARGEST_MEMBER + 1), ("size", 1 << 60)):
        info = tarfile.TarInfo("a")
        setattr(info, field, value)
        with pytest.raises(BackupDamaged):
            unpacked(damaged(info.tobuf(tarfile.GNU_FORMAT) + bytes(1_024)))
