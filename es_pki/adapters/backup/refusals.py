"""What a backup, or the place where one is wanted, can be refused for."""

from eventlog import Damaged


class BackupRefused(Exception):
    """The backup can't be made, read or restored as it was asked; nothing was changed. The message says what to do."""


class BackupDamaged(Damaged):
    """The file isn't what was written: it was changed, or its end is missing."""
