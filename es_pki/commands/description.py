"""What a certificate is for and who answers for it, in people's own words: its labels and its owner."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from es_pki.commands.lineage import State, check_is_there, is_line
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Violation
from es_pki.events.certificate import CertificateEvent, CertificateLabelled, OwnerAssigned

MAXIMUM_LABELS = 32

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
_LONGEST_VALUE = 128


class DescribeCertificate(Struct, frozen=True):
    """Set labels, remove those whose value is None, and say who answers for the certificate (None: as it was)."""

    labels: Mapping[str, str | None]
    owner: str | None


def describe(command: DescribeCertificate, state: State) -> list[CertificateEvent]:
    """Decide on labels and owner. Raises `AlreadyDeleted`."""
    check_is_there(state)
    merged = {**state.labels, **command.labels}
    labels = {key: value for key, value in sorted(merged.items()) if value is not None}
    owner = state.owner if command.owner is None else command.owner
    RulesBroken.if_any([*_label_violations(labels), *_owner_violations(owner)])
    events: list[CertificateEvent] = []
    if labels != state.labels:
        events.append(CertificateLabelled(labels))
    if owner != state.owner:
        events.append(OwnerAssigned(owner))
    return events


def _label_violations(labels: Mapping[str, str]) -> Iterator[Violation]:
    """Yield what is wrong with labels; neither key nor value is repeated: they may be anything."""
    if len(labels) > MAXIMUM_LABELS:
        yield Violation("labels", "labels are counted", f"at most {MAXIMUM_LABELS} labels, not {len(labels)}")
    if not all(_LABEL.fullmatch(key) for key in labels):
        yield Violation("labels", "labels are plain", "keys are 1 to 63 letters, digits and inner ._/-")
    if not all(is_line(value, _LONGEST_VALUE) for value in labels.values()):
        yield Violation("labels", "labels are plain", f"values are at most {_LONGEST_VALUE} printable characters")


def _owner_violations(owner: str) -> Iterator[Violation]:
    if not is_line(owner, _LONGEST_VALUE):
        yield Violation("owner", "an owner is one line", f"at most {_LONGEST_VALUE} printable characters")
