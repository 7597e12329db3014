"""Log lines: one JSON object each on standard error, with ids, never with key material or request bodies."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

_ENCODER = msgspec.json.Encoder()


class JSONLines(logging.Formatter):
    """Renders a record; `extra={"fields": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Of an exception only its type and where it came from: its text may hold input."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = _where(record)
        return _ENCODER.encode(line).decode()


def _where(record: logging.LogRecord) -> list[str]:
    traceback, places = record.exc_info[2] if record.exc_info else None, []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places


def configure(level: int = logging.INFO) -> None:
    """Send log lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
