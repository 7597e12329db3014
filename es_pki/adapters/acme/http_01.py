"""http-01 (RFC 8555 section 8.3): the public listener of any server of the installation answers, from the log alone.

A token is reserved for its order as long as it is to be answered, and the answer follows from the account's key. So
nothing needs to be put anywhere, and no server needs to know who placed the order.
"""

import re

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.solver import Answer, key_authorization
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.values.acme import ChallengeType

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")


class HTTP01:
    """See `Solver`; presenting and cleaning up were done when they were recorded."""

    type = ChallengeType.HTTP_01
    patience_seconds = 5.0

    def __init__(self, aggregates: Aggregates, directories: Directories) -> None:
        self._aggregates = aggregates
        self._directories = directories

    async def present(self, answer: Answer) -> None:
        """Do nothing: the record of it reserved the token."""

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether a server that knows only the log answers."""
        return await self.answer_to(answer.token) == answer.key_authorization

    async def clean_up(self, answer: Answer) -> None:
        """Do nothing: the record of it releases the token."""

    async def answer_to(self, token: str) -> str | None:
        """Return the key authorization for a token, None when nothing here is proved under it."""
        if not _TOKEN.fullmatch(token):
            return None
        order_id = await self._aggregates.owner(f"acme_token-{token}")
        if order_id is None:
            return None
        order = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        return await key_authorization(self._aggregates, self._directories, order, token)
