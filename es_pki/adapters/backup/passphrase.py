"""A backup's passphrase out of a file that only its owner reads. On a command line, everybody would see it."""

import stat
from pathlib import Path

from es_pki.adapters.backup.refusals import BackupRefused
from es_pki.adapters.backup.sealing import check_is_long_enough


def from_file(path: Path) -> str:
    """Return the first line of a file. Raises `BackupRefused`."""
    try:
        mode, text = path.stat().st_mode, path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BackupRefused(f"the passphrase of backups in {path} can't be read: {reason}") from None
    if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
        raise BackupRefused(f"others may read the passphrase of backups: chmod 600 {path}")
    passphrase = text.partition("\n")[0].rstrip("\r")
    check_is_long_enough(passphrase)
    return passphrase
