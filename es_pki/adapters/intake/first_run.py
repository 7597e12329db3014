"""What a new es-pki makes for itself: a key for its log, a root, an intermediate, an administrator, a certificate.

Every step is found done when it was done: a set-up that was cut short is finished at the next start.
"""

import contextlib
import hashlib
import logging
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from es_pki.adapters import whole_file
from es_pki.adapters.entropy import random_part, token, uuid7
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.answer import Asked, Caller
from es_pki.adapters.intake.deciders import CERTIFICATE, PRINCIPAL
from es_pki.adapters.intake.desk import Desk
from es_pki.adapters.intake.office import OWN_CERTIFICATE
from es_pki.adapters.intake.requests import (
    CreateAuthority,
    CreateToken,
    IssueCertificate,
    ReissueCertificate,
    RenewCertificate,
)
from es_pki.adapters.signing import Signer
from es_pki.commands import principal
from es_pki.commands.lineage import State
from es_pki.commands.names import dns_name_fault
from es_pki.commands.principal import PrincipalCommand
from es_pki.commands.refusals import SigningGivenUp
from es_pki.config import SettingsRefused
from es_pki.decider import Refused
from es_pki.values import KeyType, Role, SubjectAltNames

LOG = logging.getLogger("es_pki.set_up")

ITSELF = Caller("es-pki", frozenset(Role))
ROOT, INTERMEDIATE, ADMINISTRATOR = "root", "intermediate", "admin"


class FirstRun:
    """Sets a new es-pki up, and keeps its own certificate good."""

    def __init__(self, desk: Desk, aggregates: Aggregates, signer: Signer, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._aggregates = aggregates
        self._signer = signer
        self._now = now

    async def log_key(self, wanted: str) -> None:
        """Give the log its origin and signing key, unless it has them; `wanted` "" takes any origin.

        Raises `SettingsRefused` when the log has another origin than the one that is wanted.
        """
        origin = await self._desk.name_log(wanted or drawn_origin(socket.gethostname()), ITSELF)
        if wanted and origin != wanted:
            raise SettingsRefused(f"log_origin: this log's origin is {origin}, which can never change")

    async def authorities(self, organization: str) -> None:
        """Make the root and the intermediate, unless they are there."""
        for name, issuer, path_length, title in (
            (ROOT, None, 1, "Root CA"),
            (INTERMEDIATE, ROOT, 0, "Intermediate CA"),
        ):
            if await self._aggregates.owner(f"authority_name-{name}") is None:
                request = CreateAuthority(
                    name=name,
                    subject={"organization": organization, "common_name": f"{organization} {title}"},
                    issuer=issuer,
                    key_type=KeyType.EC_P256,
                    path_length=path_length,
                )
                await self._desk.take(request, Asked(ITSELF, self._now()))

    async def administrator(self, token_file: Path) -> bool:
        """Let the administrator in whose token lies in the file; tell whether that was new."""
        if await self._aggregates.owner(f"principal_name-{ADMINISTRATOR}") is not None:
            return False
        digest = hashlib.sha256(_kept_token(token_file).encode()).digest()
        principal_id, now = uuid7(self._now()), self._now()

        async def command() -> PrincipalCommand:
            return principal.CreateToken(
                principal_id=principal_id,
                name=ADMINISTRATOR,
                roles=(Role.ADMIN,),
                token_digest=digest,
                expires=None,
                now=now,
                request_digest=digest,
            )

        await self._aggregates.handle(PRINCIPAL, principal_id, command, actor=ITSELF.name)
        return True

    async def further_administrator(self, name: str) -> str:
        """Let another administrator in; return its token. Raises `Refused`."""
        request = CreateToken(name=name, roles=(Role.ADMIN,))
        answer = await self._desk.take(request, Asked(ITSELF, self._now()))
        return str(answer.result["token"])

    async def server_certificate(self, dns_names: frozenset[str], ip_addresses: frozenset[str]) -> str:
        """Return the id of this server's certificate, which names it and has a third of its life left.

        It is one lineage: its next version is made when its time comes, or when a server is called otherwise. Several
        servers share it, so it names them all. When the rules refuse a next version, the one that is there is served:
        whoever made the rules must be able to reach the server.
        """
        owner = await self._aggregates.owner(f"certificate_name-{OWN_CERTIFICATE}")
        if owner is None:
            issue = IssueCertificate(
                OWN_CERTIFICATE,
                INTERMEDIATE,
                dns_names=tuple(sorted(dns_names)),
                ip_addresses=tuple(sorted(ip_addresses)),
            )
            return str((await self._desk.take(issue, Asked(ITSELF, self._now()))).result["certificate_id"])
        state = await self._signed(owner)
        request: RenewCertificate | ReissueCertificate | None = None
        known = state.served.prepared.subject_alt_names if state.served else SubjectAltNames()
        if not (dns_names <= set(known.dns_names) and ip_addresses <= set(known.ip_addresses)):
            request = ReissueCertificate(
                owner,
                dns_names=tuple(sorted(dns_names | set(known.dns_names))),
                ip_addresses=tuple(sorted(ip_addresses | set(known.ip_addresses))),
            )
        elif not self._is_young(state):
            request = RenewCertificate(owner)
        if request is not None:
            await self._replaced(request, is_there=state.served is not None)
        return owner

    async def _replaced(self, request: RenewCertificate | ReissueCertificate, *, is_there: bool) -> None:
        try:
            await self._desk.take(request, Asked(ITSELF, self._now()))
        except Refused as refused:
            if not is_there:
                raise
            broken = [violation._asdict() for violation in refused.violations]
            LOG.error(  # noqa: TRY400 - the refusal says all
                "the server's own certificate can't be replaced",
                extra={"fields": {"refused": broken or refused.detail}},
            )

    async def _signed(self, certificate_id: str) -> State:
        """Return a lineage's state, with the signature that a start that was cut short left out."""
        state = (await self._aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
        if state.newest is not None and state.newest.is_outstanding:
            with contextlib.suppress(SigningGivenUp):
                await self._signer.sign_certificate(certificate_id, state.newest.prepared.version)
            state = (await self._aggregates.load(CERTIFICATE, certificate_id)).state
        return state

    def _is_young(self, state: State) -> bool:
        if state.served is None or state.served.revoked is not None:
            return False
        prepared = state.served.prepared
        life: timedelta = prepared.not_after - prepared.not_before
        return prepared.not_after - self._now() > life / 3


def drawn_origin(host: str) -> str:
    """Return a name for a log that no other has: the host's, where that can stand in it, and a random part."""
    name = host.lower()
    return f"{'es-pki' if dns_name_fault(name) else name}/es-pki-{random_part()}"


def _kept_token(path: Path) -> str:
    """Return the token of the file, drawn and written (0600, whole or not at all) if there is no file."""
    if path.exists():
        return path.read_text().strip()
    drawn = token()
    whole_file.write(path, drawn.encode() + b"\n")
    return drawn
