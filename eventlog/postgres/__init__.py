"""The log in a PostgreSQL database. See `schema` for its tables and `log` for the promises."""

from eventlog.postgres.log import PostgresLog

__all__ = ["PostgresLog"]
