"""given / when / then for deciders: events in, a command, events or a refusal out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from es_pki.decider import Decider, Refused
from es_pki.values import Template


def encode(template: Template) -> bytes:
    """Stand for the DER encoder: pure, and different for different templates."""
    return msgspec.json.encode(template)


@dataclass(frozen=True)
class Spec:
    """An aggregate under examination."""

    decider: Decider[Any, Any, Any]
    history: tuple[Any, ...] = ()
    command: Any = field(default=None)

    def given(self, *events: Any) -> "Spec":
        """Begin with these events."""
        return replace(self, history=events)

    def when(self, command: Any) -> "Spec":
        """Decide this command."""
        return replace(self, command=command)

    def events(self) -> list[Any]:
        """Return the events that the command leads to, and check that deciding it again leads to none."""
        decided = self.decider.decide(self.command, self._state(self.history))
        again = self.decider.decide(self.command, self._state((*self.history, *decided)))
        assert again == []
        return decided

    def then(self, *events: Any) -> None:
        """Require exactly these events."""
        assert self.events() == list(events)

    def then_nothing(self) -> None:
        """Require no event."""
        assert self.events() == []

    def then_refused(self, refusal: type[Refused]) -> Refused:
        """Require this refusal and return it."""
        with pytest.raises(refusal) as caught:
            self.decider.decide(self.command, self._state(self.history))
        return caught.value

    def then_breaks(self, *fields: str) -> None:
        """Require a refusal whose violations name exactly these fields."""
        refused = self.then_refused(Refused)
        assert sorted({violation.field for violation in refused.violations}) == sorted(fields)

    def _state(self, history: Sequence[Any]) -> Any:
        state = self.decider.initial
        for event in history:
            state = self.decider.evolve(state, event)
        return state
