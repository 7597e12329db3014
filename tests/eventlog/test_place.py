"""A log in a file that several machines could open is refused before anything is made of it."""

from pathlib import Path

import pytest

from eventlog import LogError
from eventlog.sqlite import SQLiteLog, place

MOUNTED = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:26 / /srv rw,relatime shared:3 - nfs4 storage:/srv rw,vers=4.2
32 31 8:2 / /srv/local rw,relatime - xfs /dev/sdb1 rw
33 22 0:27 / /mnt/two\040words rw - cifs //storage/pki rw
34 22 0:28 / /twice rw - nfs storage:/old rw
35 22 8:3 / /twice rw - ext4 /dev/sdc1 rw
36 22 0:29 / /home rw - fuse.sshfs somebody@elsewhere: rw
a line of some other form
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/es-pki", "ext4"),
        ("/srv/es-pki", "nfs4"),
        ("/srv", "nfs4"),
        ("/srv/local/es-pki", "xfs"),
        ("/srv-not/es-pki", "ext4"),
        ("/mnt/two words", "cifs"),
        ("/mnt/two", "ext4"),
        ("/twice", "ext4"),
        ("/home/me", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_point_tells_the_file_system(folder, kind):
    assert place.file_system_of(Path(folder), MOUNTED) == kind


def mounted_on(folder, kind, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:30 / {folder} rw - {kind} somewhere rw\n")
    return mounts


@pytest.mark.parametrize("kind", sorted(place.OVER_A_NETWORK))
async def test_a_file_on_a_network_is_refused_and_not_made(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(place, "MOUNTS", mounted_on(tmp_path, kind, tmp_path))
    with pytest.raises(LogError, match=f"lies on {kind}, .* PostgreSQL"):
        await SQLiteLog.open(tmp_path / "log.db")
    assert not (tmp_path / "log.db").exists()


async def test_a_link_into_a_network_is_found_out(tmp_path, monkeypatch):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    monkeypatch.setattr(place, "MOUNTS", mounted_on(tmp_path / "far", "nfs", tmp_path))
    with pytest.raises(LogError, match="lies on nfs"):
        await SQLiteLog.open(tmp_path / "near" / "log.db")


async def test_where_nobody_tells_what_is_mounted_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "MOUNTS", tmp_path / "absent")
    await (await SQLiteLog.open(tmp_path / "log.db")).close()
