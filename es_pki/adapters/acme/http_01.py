"""http-01 (RFC 8555 section 8.3): the public listener of any server of the installation answers, from the log alone.

A token is reserved for its order as long as it is to be answered, and the answer follows from the account's key. So
nothing needs to be put anywhere, and no server needs to know who placed the order. Where a web server answers instead,
out of a folder, the answer is put there as well (`webroot.py`).
"""

import asyncio
import logging
import re

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.solver import Answer, key_authorization
from es_pki.adapters.acme.webroot import WebrootFailed, Webroots
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.values.acme import ACMEProblem, ChallengeType

LOG = logging.getLogger("es_pki.acme")

WEBROOT_TROUBLE = "urn:es-pki:acme:webroot"
"""The type of a problem with a web server's folder."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")


class HTTP01:
    """See `Solver`; without a webroot presenting and cleaning up were done when they were recorded."""

    type = ChallengeType.HTTP_01
    patience_seconds = 5.0

    def __init__(self, aggregates: Aggregates, directories: Directories, webroots: Webroots) -> None:
        self._aggregates = aggregates
        self._directories = directories
        self.webroots = webroots

    async def present(self, answer: Answer) -> None:
        """Put the answer into the web server's folder, if it is to be there. Raises `WebrootNotAllowed`."""
        if answer.webroot:
            told = (answer.webroot, answer.token, answer.key_authorization)
            try:
                await asyncio.to_thread(self.webroots.put, *told)
            except WebrootFailed as failed:
                raise _troubled(failed) from None

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether the file is there, or a server that knows only the log answers."""
        if not answer.webroot:
            return await self.answer_to(answer.token) == answer.key_authorization
        try:
            found = await asyncio.to_thread(self.webroots.get, answer.webroot, answer.token)
        except WebrootFailed as failed:
            raise _troubled(failed) from None
        return found == answer.key_authorization

    async def clean_up(self, answer: Answer) -> None:
        """Remove the file, if there is one; one in a folder that isn't allowed any more is its owner's to remove."""
        if not answer.webroot:
            return
        if not self.webroots.allows(answer.webroot):
            LOG.warning("order %s: %s is not allowed any more: not cleaned up", answer.order_id, answer.webroot)
            return
        try:
            await asyncio.to_thread(self.webroots.remove, answer.webroot, answer.token)
        except WebrootFailed as failed:
            raise _troubled(failed) from None

    async def answer_to(self, token: str) -> str | None:
        """Return the key authorization for a token, None when nothing here is proved under it."""
        if not _TOKEN.fullmatch(token):
            return None
        order_id = await self._aggregates.owner(f"acme_token-{token}")
        if order_id is None:
            return None
        order = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        return await key_authorization(self._aggregates, self._directories, order, token)


def _troubled(failed: WebrootFailed) -> DirectoryFailed:
    """Return what hinders an order: a folder may be made, mounted or opened by somebody."""
    return DirectoryFailed(ACMEProblem(WEBROOT_TROUBLE, str(failed)), is_final=False)
