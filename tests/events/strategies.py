"""Arbitrary events, for properties that hold of all of them."""

from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from es_pki.events import codec
from es_pki.events.service import Installation, Probe, ServiceFile
from es_pki.values import Attribute, IssuancePolicy, NameConstraints, NameSpace, SubjectAltNames
from es_pki.values.dns import DynamicUpdates, HookProgram, LexiconProvider
from es_pki.values.profile import ProfileTerms, SubjectTerms

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)

VALUES = (Attribute, NameSpace, NameConstraints, SubjectAltNames, IssuancePolicy, SubjectTerms, ProfileTerms)
for value in (*VALUES, Installation, Probe, ServiceFile, DynamicUpdates, HookProgram, LexiconProvider):
    st.register_type_strategy(value, st.builds)
st.register_type_strategy(datetime, TIMES)
st.register_type_strategy(str, WORDS)


def of(events: Any) -> st.SearchStrategy[Any]:
    """Return any events of a union, or of a single type."""
    return st.one_of([st.builds(event) for event in get_args(events) or (events,)])


EVENTS = of(codec.Event)
