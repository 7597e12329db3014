"""Whether every CSR was answered once at most: the part of the examination that knows signing requests."""

from collections.abc import Iterator

from es_pki.events.happened import Happened
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)


class CSRAnswers:
    """The state of one reading: the signing requests by id, and whether each was answered."""

    def __init__(self) -> None:
        self._answered: dict[str, bool] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case SigningRequestCreated() | SigningRequestImported():
                if happened.id in self._answered:
                    yield "a CSR was kept twice"
                self._answered[happened.id] = False
            case SigningRequestApproved() | SigningRequestSigned() | SigningRequestRejected():
                if happened.id not in self._answered:
                    yield "a CSR was answered that nobody kept"
                elif self._answered[happened.id]:
                    yield "a CSR was answered twice"
                self._answered[happened.id] = True
            case _:
                pass
