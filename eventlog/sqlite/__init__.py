"""The log in one SQLite file. See `schema` for its format and `log` for the promises."""

from eventlog.sqlite.log import SQLiteLog

__all__ = ["SQLiteLog"]
