"""What requests have in common: who may send them, and the forms of their fields."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from es_pki.commands.built_in import BUILT_IN
from es_pki.values import Role

ADMINISTRATORS = frozenset({Role.ADMIN})
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
REQUESTERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.REQUESTER})

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its offset (RFC 3339)."""

Secret = Annotated[str, Meta(extra_json_schema={"format": "password", "writeOnly": True})]
"""What only the sender knows: used once, and part of no digest, event, log line or answer."""

ProfileName = Annotated[str, Meta(extra_json_schema={"examples": list(BUILT_IN)})]
"""A profile: one that is built in, as the examples, or the name or id of one that was added."""

SubjectFields = dict[str, str | tuple[str, ...]]
"""Naming attributes by name (`common_name`, `organization`, …), each with one value or several."""
