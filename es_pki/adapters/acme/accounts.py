"""Does at the directories what was recorded of accounts, and records what came of it.

The request that recorded a wish comes here at once; after a crash, or while a directory is away, the reactions do.
Everything finds done what was done: an account is known by its key.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.directory import Binding
from es_pki.adapters.acme.problems import RFC_8555, AnswerMalformed, DirectoryFailed, ProblemReported
from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.postponed import Postponed
from es_pki.adapters.signing import ACTOR
from es_pki.commands.acme_account import (
    CATEGORY,
    ACMEAccountCommand,
    RecordACMEDeactivation,
    RecordACMEKeyRollOver,
    RecordACMEKeyRollOverFailure,
    RecordACMERegistration,
    RecordACMERegistrationFailure,
    State,
    opened,
)
from es_pki.events.acme_account import ACMEAccountEvent, ACMEKeyRollOverFailed, ACMERegistrationFailed

Done = Handled[State, ACMEAccountEvent]

CLOSED = frozenset({f"{RFC_8555}unauthorized", f"{RFC_8555}accountDoesNotExist"})
"""What directories answer to an account that they closed (RFC 8555 section 7.3.6)."""


class Accounts:
    """The accounts at their directories. Everything raises `DirectoryFailed` for what may be tried again."""

    def __init__(
        self, aggregates: Aggregates, keys: KeyRing, directories: Directories, now: Callable[[], datetime]
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._directories = directories
        self._now = now
        self._postponed: dict[str, Postponed] = {}

    async def heed(self, account_id: str, work: Callable[[str], Awaitable[Done]]) -> None:
        """Do what is due for an account, not before its directory wants to be asked again.

        Raises `Postponed` until then.
        """
        postponed = self._postponed.pop(account_id, None)
        if postponed is not None and postponed.until > self._now():
            self._postponed[account_id] = postponed
            raise postponed
        try:
            await work(account_id)
        except DirectoryFailed as failed:
            if failed.retry_at is None:
                raise
            self._postponed[account_id] = Postponed(failed.retry_at, failed.problem.detail)
            raise self._postponed[account_id] from None

    async def register(self, account_id: str, *, actor: str = ACTOR) -> Done:
        """Open a prepared account at its directory, unless that was done or refused before."""
        state, _, position = await self._aggregates.load(ACME_ACCOUNT, account_id)
        opening = opened(state)
        if opening.url or opening.failure:
            return Handled(state, position, ())
        prepared = opening.prepared
        client = self._directories.client(account_id, state)
        try:
            binding = None
            if prepared.eab_mac_id:
                secret = await self._keys.secret(prepared.eab_mac_id, purpose=CATEGORY, owner=account_id)
                binding = Binding(prepared.eab_key_id, secret)
            agreed = prepared.terms_of_service_agreed
            url = await client.register(prepared.contacts, terms_of_service_agreed=agreed, binding=binding)
            terms = (await self._directories.transport(state).directory()).meta.terms_of_service
        except DirectoryFailed as failed:
            if not failed.is_final:
                raise
            done = await self._record(account_id, RecordACMERegistrationFailure(failed.problem), actor)
            await self._discard(done)
        else:
            done = await self._record(account_id, RecordACMERegistration(url, terms), actor)
            if prepared.eab_mac_id:
                await self._keys.discard(prepared.eab_mac_id)
        return done

    async def roll_over(self, account_id: str, *, actor: str = ACTOR) -> Done:
        """Have the directory take the account's next key, unless there is none that waits.

        A directory that took it before this was recorded knows the account by the new key.
        """
        state, _, position = await self._aggregates.load(ACME_ACCOUNT, account_id)
        if state.next_key is None:
            return Handled(state, position, ())
        next_id = state.next_key.key_id
        new_key = self._directories.key(account_id, state.next_key)
        try:
            await self._directories.client(account_id, state).roll_over(new_key)
        except ProblemReported as failed:
            if await self._is_known_by(account_id, state):
                return await self._record(account_id, RecordACMEKeyRollOver(next_id), actor)
            if not failed.is_final:
                raise
            done = await self._record(account_id, RecordACMEKeyRollOverFailure(next_id, failed.problem), actor)
            await self._discard(done)
            return done
        if not await self._is_known_by(account_id, state):
            raise AnswerMalformed("the directory doesn't know the account by its new key (RFC 8555 section 7.3.5)")
        return await self._record(account_id, RecordACMEKeyRollOver(next_id), actor)

    async def _is_known_by(self, account_id: str, state: State) -> bool:
        """Tell whether the directory knows the account by its next key."""
        by_next = self._directories.client(account_id, _with_next_key(state))
        return await by_next.find() == opened(state).url

    async def deactivate(self, account_id: str, *, actor: str = ACTOR) -> Done:
        """Close an account whose end is recorded; one that is closed is found closed."""
        state, _, position = await self._aggregates.load(ACME_ACCOUNT, account_id)
        if not state.is_closing or state.is_closed:
            return Handled(state, position, ())
        try:
            await self._directories.client(account_id, state).deactivate()
        except ProblemReported as failed:
            if failed.problem.type not in CLOSED:
                raise
        return await self._record(account_id, RecordACMEDeactivation(), actor)

    async def _discard(self, done: Done) -> None:
        """Remove the keys of what failed, once that is recorded."""
        for event in done.events:
            if isinstance(event, ACMERegistrationFailed | ACMEKeyRollOverFailed):
                for key_id in event.key_ids:
                    await self._keys.discard(key_id)

    async def _record(self, account_id: str, command: ACMEAccountCommand, actor: str) -> Done:
        async def ask() -> ACMEAccountCommand:
            return command

        return await self._aggregates.handle(ACME_ACCOUNT, account_id, ask, actor=actor)


def _with_next_key(state: State) -> State:
    return State(opening=state.opening, key=state.next_key)
