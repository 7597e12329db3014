"""How the answers to challenges get to their places and away again: what every way of proving a name has in common.

A solver keeps nothing: what was presented stands in the order, and a process that was killed is finished by another.
"""

from typing import Protocol

from msgspec import Struct

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.standing import StandingRecord
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import State
from es_pki.decider import Kind, Refused, Violation
from es_pki.values.acme import ChallengeType


class ChallengeNotSetUp(Refused):
    """es-pki isn't set up to prove names this way: `tls-alpn-01` needs the setting `tls_alpn_listen`."""

    kind = Kind.CLASHING


class Answer(Struct, frozen=True):
    """What is to be found where the directory looks for it.

    `order_id` is whose challenge it is; `identifier` the DNS name, without `*.`, or IP address; `key_authorization` is
    `token.thumbprint` (RFC 8555 section 8.1), which is no secret. `webroot` is the web server's folder into which the
    answer is to be put, "" for none. `record` is what stands in DNS already (dns-persist-01); then there is no token.
    """

    order_id: str
    identifier: str
    token: str
    key_authorization: str
    webroot: str = ""
    record: StandingRecord | None = None


class Solver(Protocol):
    """One way to prove a name. Methods are called again after a crash, and find done what was done.

    All raise `DirectoryFailed` where something hinders them: `is_final` when that can't pass by itself.
    """

    type: ChallengeType

    patience_seconds: float
    """How long an answer may take to be seen; looked for at growing intervals."""

    async def present(self, answer: Answer) -> None:
        """Put the answer in its place. It was recorded before, so that it is cleaned up whatever happens."""
        ...

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether the answer is found where the directory will look."""
        ...

    async def clean_up(self, answer: Answer) -> None:
        """Take the answer away; one that is gone is fine. Others at the same place stay."""
        ...


async def key_authorization(aggregates: Aggregates, directories: Directories, order: State, token: str) -> str:
    """Return `token.thumbprint` of the key of an order's account (RFC 8555 section 8.1). Raises `ACMEOrderMissing`."""
    placed(order)
    account_id = order.account_id
    account = (await aggregates.load(ACME_ACCOUNT, account_id, afresh=True)).state
    return f"{token}.{directories.key(account_id, account.key).thumbprint}"


def not_set_up(challenge: ChallengeType) -> ChallengeNotSetUp:
    """Return the refusal of a challenge that nobody here can answer."""
    detail = f"es-pki isn't set up for {challenge}"
    return ChallengeNotSetUp(detail, Violation("challenge", "challenges are answered", detail))
