"""Checkpoints of the log: who signs them (`notary`), which keys they are signed by (`keys`), and the last one signed.

The last signed checkpoint lies beside the log, not in it: a log that was restored from an old copy, cut off or
rewritten contradicts it, and is not signed again.
"""

from es_pki.adapters.checkpoints.notary import Inconsistent, Notary
from es_pki.adapters.checkpoints.store import CheckpointStore, Signed

__all__ = ["CheckpointStore", "Inconsistent", "Notary", "Signed"]
