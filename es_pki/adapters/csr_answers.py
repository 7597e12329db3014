"""Whether every CSR was answered once at most: the part of the examination that knows signing requests."""

from collections.abc import Iterator

from es_pki.events.happened import Happened
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)


class CSRAnswers:
    """The state of one reading: the signing requests by id, and whether each was answered."""

    def __init__(self) -> None:
        self._answered: dict[str, bool] = {}
        self._keys: dict[str, tuple[str, ...]] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case SigningRequestCreated() | SigningRequestImported():
                if happened.id in self._answered:
                    yield "a CSR was kept twice"
                self._answered[happened.id] = False
                if happened.event.key_id is not None:
                    self._keys[happened.id] = (happened.event.key_id,)
            case SigningRequestApproved() | SigningRequestSigned() | SigningRequestRejected():
                if happened.id not in self._answered:
                    yield "a CSR was answered that nobody kept"
                elif self._answered[happened.id]:
                    yield "a CSR was answered twice"
                elif happened.event.key_ids != self._keys.get(happened.id, ()):
                    yield "a CSR was answered with a key that is not its own"
                self._answered[happened.id] = True
            case SigningRequestKeyDiscarded(key_ids=key_ids):
                if not self._answered.get(happened.id) or self._keys.pop(happened.id, ()) != key_ids:
                    yield "a private key was discarded that is not that of an answered CSR"
            case _:
                pass
