"""Work on what can't be trusted, in processes that may fail: each has a deadline and bounded memory."""

from es_pki.adapters.worker.pool import Workers, WorkFailed, WorkUnbounded
from es_pki.adapters.worker.work import Work

__all__ = ["Work", "WorkFailed", "WorkUnbounded", "Workers"]
