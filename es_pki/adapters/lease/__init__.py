"""One process at a time: whoever holds the lease follows the log, and reacts."""

from es_pki.adapters.lease.advisory import AdvisoryLease
from es_pki.adapters.lease.file import FileLease
from es_pki.adapters.lease.lease import Lease, Overtaken

__all__ = ["AdvisoryLease", "FileLease", "Lease", "Overtaken"]
