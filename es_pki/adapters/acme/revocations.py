"""Has directories revoke what they issued (RFC 8555 section 7.6), and records what they say.

The request that recorded the wish comes here at once; after a crash, or while a directory is away, the reactions do.
"""

from collections.abc import Callable
from datetime import datetime

from cryptography.x509 import load_der_x509_certificate

from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.directory import Client
from es_pki.adapters.acme.jws import ALGORITHMS, AccountKey
from es_pki.adapters.acme.problems import RFC_8555, DirectoryFailed
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, CERTIFICATE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.x509.crl import CODES
from es_pki.adapters.x509.keys import spki_of
from es_pki.commands.acme_account import ACMEAccountUnusable, usable
from es_pki.commands.acme_revocation import RecordACMERevocation, RecordACMERevocationRefusal
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.lineage import State
from es_pki.commands.versions import Version
from es_pki.events.certificate import RevocationRequested
from es_pki.values import PublicKey
from es_pki.values.acme import ACME_REFUSED_HERE, ACMEProblem

ALREADY_REVOKED = f"{RFC_8555}alreadyRevoked"

NOT_THE_ACCOUNT = frozenset({f"{RFC_8555}unauthorized", f"{RFC_8555}accountDoesNotExist"})
"""What directories answer to an account that may not revoke, or is none."""


class Revocations:
    """The revocations that were asked for."""

    def __init__(
        self, aggregates: Aggregates, keys: KeyRing, directories: Directories, now: Callable[[], datetime]
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._directories = directories
        self._now = now

    async def revoke(self, certificate_id: str, number: int, *, actor: str = ACTOR) -> State:
        """Have a version revoked if that was asked for and not answered yet; return the certificate's state then.

        Raises `DirectoryFailed` for what may pass, and what the stores raise.
        """
        state = (await self._aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
        version = state.versions.get(number)
        if version is None or version.requested is None:
            return state
        outcome: CertificateCommand = RecordACMERevocation(number)
        try:
            await self._ask(certificate_id, version, version.requested)
        except DirectoryFailed as failed:
            if not failed.is_final and self._now() <= version.prepared.not_after:
                raise  # a directory that is gone for good is asked until nobody accepts the certificate any more
            if failed.problem.type != ALREADY_REVOKED:
                outcome = RecordACMERevocationRefusal(number, failed.problem)

        async def command() -> CertificateCommand:
            return outcome

        return (await self._aggregates.handle(CERTIFICATE, certificate_id, command, actor=actor)).state

    async def _ask(self, certificate_id: str, version: Version, wish: RevocationRequested) -> None:
        """Ask as the account that ordered it; where that is of no use, by the certificate's own key."""
        order = (await self._aggregates.load(ACME_ORDER, wish.order_id)).state
        account = (await self._aggregates.load(ACME_ACCOUNT, order.account_id, afresh=True)).state
        certificate, code = version.certificate or b"", CODES[wish.reason]
        own = self._own_key(certificate_id, version)
        try:
            usable(account)
            await self._directories.client(order.account_id, account).revoke(certificate, code)
        except ACMEAccountUnusable as unusable:
            if own is None:
                raise DirectoryFailed(ACMEProblem(ACME_REFUSED_HERE, unusable.detail), is_final=True) from None
        except DirectoryFailed as failed:
            if own is None or failed.problem.type not in NOT_THE_ACCOUNT:
                raise
        else:
            return
        await Client(self._directories.transport(account), own).revoke(certificate, code)

    def _own_key(self, certificate_id: str, version: Version) -> AccountKey | None:
        """Return the certificate's key, None where it isn't here or no directory takes its like."""
        key_id, key_type = version.prepared.key_id, version.key.key_type
        if key_id is None or key_type not in ALGORITHMS or version.certificate is None:
            return None
        public_key = PublicKey(key_type, spki_of(load_der_x509_certificate(version.certificate).public_key()))
        return AccountKey(self._keys, certificate_id, key_id, public_key, purpose=CERTIFICATE.category)
