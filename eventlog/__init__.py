"""An append-only, provable event log. The contract is `eventlog.log`; a backend is imported where it is chosen.

from eventlog.sqlite import SQLiteLog  # or eventlog.postgres.PostgresLog, eventlog.memory.MemoryLog
"""

from eventlog.log import (
    MAXIMUM_ENTRY_SIZE,
    MAXIMUM_NAME_SIZE,
    PAGE_SIZE,
    Closed,
    Conflict,
    Damaged,
    Head,
    Log,
    LogError,
    NewEvent,
    Occupied,
    Page,
    Record,
    TooLarge,
    Unavailable,
    Write,
)
from eventlog.verify import Finding, Report, verify, verify_records

__all__ = [
    "MAXIMUM_ENTRY_SIZE",
    "MAXIMUM_NAME_SIZE",
    "PAGE_SIZE",
    "Closed",
    "Conflict",
    "Damaged",
    "Finding",
    "Head",
    "Log",
    "LogError",
    "NewEvent",
    "Occupied",
    "Page",
    "Record",
    "Report",
    "TooLarge",
    "Unavailable",
    "Write",
    "verify",
    "verify_records",
]
