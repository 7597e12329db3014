"""Where the file lies: on a file system of this machine, whose processes share memory and locks.

The write-ahead log's index is shared memory, so a file that two machines open over a network is two logs, each sure
of being the only one (https://sqlite.org/wal.html).
"""

from pathlib import Path

from eventlog.log import LogError

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted, as Linux tells it (proc(5)). Where there is no such file nothing is refused."""

OVER_A_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)


def check_is_local(path: Path) -> None:
    """Require a file system of this machine. Raises `LogError`, naming the file system."""
    if not MOUNTS.exists():
        return
    kind = file_system_of(path.absolute().parent.resolve(), MOUNTS.read_text(errors="replace"))
    if kind in OVER_A_NETWORK:
        raise LogError(
            f"{path} lies on {kind}, a file system of other machines too: a SQLite log needs a local one; "
            "several machines share a log on PostgreSQL"
        )


def file_system_of(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that a folder is in: that of the last mount on the nearest mount point."""
    nearest, found = -1, None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = Path(_unescaped(fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= nearest:
            nearest, found = len(point.parts), after.split(" ", 1)[0]
    return found


def _unescaped(field: str) -> str:
    """Return a field as it was: mount points have their white space and backslashes in octal."""
    for code in (" ", "\t", "\n", "\\"):
        field = field.replace(f"\\{ord(code):03o}", code)
    return field
