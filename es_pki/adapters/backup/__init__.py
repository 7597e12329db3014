"""Backups: one file with the log up to a signed checkpoint and the still-sealed keys; `contents` says what is in it.

`writing` makes one, `verifying` judges it, `restoring` brings it back, `scheduled` makes them by itself. Inside out a
file is `archive`, then `sealing` if there is a passphrase.
"""

from es_pki.adapters.backup.refusals import BackupDamaged, BackupRefused

__all__ = ["BackupDamaged", "BackupRefused"]
