"""Conditional requests: who has what is asked for already is told so (RFC 9110 section 13)."""

from datetime import datetime

from aiohttp import web
from aiohttp.helpers import ETag


def is_known(request: web.Request, tag: str, modified: datetime) -> bool:
    """Tell whether the asker has the answer that is known by the tag (without quotes) and was made at that time."""
    tags: tuple[ETag, ...] | None = request.if_none_match
    if tags is not None:
        return any(known.value in {tag, "*"} for known in tags)
    since = request.if_modified_since
    return since is not None and modified <= since
