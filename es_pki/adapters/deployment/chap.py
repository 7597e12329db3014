"""Gives an iSCSI target of tgtd another CHAP secret, and sees by logins that it holds; or takes it back.

    prove    the target is there, and no account but its own lets initiators in
    stage    the file for tgt's next start is written beside its place, if there is to be one
    switch   it takes its place
    reload   the account is unbound, deleted, made anew and bound
    probe    a login with the secret succeeds, and one without any doesn't
    restore  otherwise: the same with the secret of before

Sessions that there are go on. For the moment in which the account is gone tgtd asks nobody for a secret; a second
account can't bridge it, since unbinding the first of two breaks tgtd: a target with other accounts is left alone.
ADR 26 tells more.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from es_pki.adapters.deployment import programs
from es_pki.adapters.deployment.allowed import Allowed, NotAllowed
from es_pki.adapters.deployment.files import Files
from es_pki.adapters.deployment.step import StepFailed
from es_pki.adapters.deployment.tgt import Target, Tgtd
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import SERVICE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore.store import KeyMissing, KeyUnreadable
from es_pki.adapters.signing import ACTOR
from es_pki.commands.chap import CHAPSecrets, RecordCHAPRotation, RotationOutcome
from es_pki.commands.service import ServiceCommand
from es_pki.events.service import (
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentStep,
    FileForm,
    Installation,
    ServiceFile,
)

PURPOSE = "chap_secret"
"""What the secrets are in the key store."""


class Secrets(NamedTuple):
    """The secret of the initiators' account, and the one with which the target proves itself ("": it doesn't)."""

    initiators: str
    target: str = ""

    def __repr__(self) -> str:
        """Show no secret."""
        return "Secrets()"


class CHAPRotator:
    """Carries out what `CHAPSecretPrepared` told of."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, allowed: Allowed) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._allowed = allowed

    async def rotate(self, service_id: str, rotation_id: str) -> None:
        """Carry out a rotation, unless it has ended, and record its outcome."""
        state = (await self._aggregates.load(SERVICE, service_id, afresh=True)).state
        running = state.chap.running
        if running is None or running.rotation_id != rotation_id:
            return
        attempt = _Attempt(self._allowed, state.installation, rotation_id)
        outcome = await self._outcome(service_id, state.chap, running, attempt)

        async def record() -> ServiceCommand:
            return RecordCHAPRotation(outcome)

        await self._aggregates.handle(SERVICE, service_id, record, actor=ACTOR)
        await attempt.clean()

    async def discard(self, key_ids: tuple[str, ...]) -> None:
        """Remove secrets that hold no more; those that are gone are found gone."""
        for key_id in key_ids:
            await self._keys.discard(key_id)

    async def _outcome(
        self, service_id: str, known: CHAPSecrets, running: CHAPSecretPrepared, attempt: "_Attempt"
    ) -> RotationOutcome:
        try:
            attempt.check()
            before = await self._secrets(service_id, known.current)
            secrets = await self._secrets(service_id, running)
        except NotAllowed as refused:
            return CHAPRotationFailed(running.rotation_id, DeploymentStep.PROVE, refused.detail)
        except StepFailed as failed:
            return CHAPRotationFailed(running.rotation_id, failed.step, failed.reason)
        return await attempt.rotate(before, secrets)

    async def _secrets(self, service_id: str, prepared: CHAPSecretPrepared | None) -> Secrets:
        """Return what was prepared, empty for nothing. Raises `StepFailed`."""
        if prepared is None:
            return Secrets("")
        found = []
        for key_id in (prepared.key_id, prepared.target_key_id):
            try:
                secret = await self._keys.secret(key_id, purpose=PURPOSE, owner=service_id) if key_id else b""
            except (KeyMissing, KeyUnreadable):
                raise StepFailed(DeploymentStep.PROVE, "the secret can't be read from the key store") from None
            found.append(secret.decode())
        return Secrets(*found)


class _Attempt:
    """One attempt at a rotation: forward, or back."""

    def __init__(self, allowed: Allowed, installation: Installation, rotation_id: str) -> None:
        self._allowed = allowed
        self._installation = installation
        self._rotation_id = rotation_id
        self._tgtd = Tgtd(allowed, installation.tgtd_socket)
        self._files = Files(allowed, _with_secrets_file(installation), rotation_id)

    def check(self) -> None:
        """Raise `NotAllowed` for what the settings don't allow, `StepFailed` where tgtd isn't known."""
        self._allowed.check(self._installation)
        if not self._installation.tgtd_socket:
            raise StepFailed(DeploymentStep.PROVE, "the service has no tgtd_socket: reconfigure it")

    async def rotate(self, before: Secrets, secrets: Secrets) -> RotationOutcome:
        """Give the target the secrets, or those of before again."""
        try:
            target = await self._target()
        except StepFailed as failed:
            return CHAPRotationFailed(self._rotation_id, DeploymentStep.PROVE, failed.reason)
        try:
            await self._write(secrets)
            await self._give(secrets)
            await self._see(secrets)
        except StepFailed as failed:
            return await self._back(failed, target, before)
        return CHAPSecretRotated(self._rotation_id, was_seen=bool(self._installation.login_command))

    async def clean(self) -> None:
        """Remove what is left beside the file; the next rotation removes what this one can't."""
        with contextlib.suppress(StepFailed):
            await asyncio.to_thread(self._files.clean)

    async def _target(self) -> Target:
        """Return the target. Raises `StepFailed` when others than our own account let initiators in."""
        target = await self._tgtd.target(self._installation.iscsi_target)
        others = set(target.incoming) - {self._installation.chap_user}
        others |= set(target.outgoing) - {self._installation.chap_target_user}
        if others:
            reason = (
                f"other accounts are bound to the target, which tgtd can't stand: unbind {', '.join(sorted(others))}"
            )
            raise StepFailed(DeploymentStep.PROVE, reason)
        return target

    async def _write(self, secrets: Secrets) -> None:
        contents = {file.path: self._content(secrets) for file in _with_secrets_file(self._installation).files}
        if contents:
            await asyncio.to_thread(self._files.stage, contents)
            await asyncio.to_thread(self._files.keep)
            await asyncio.to_thread(self._files.switch)

    def _content(self, secrets: Secrets) -> bytes:
        """Return what tgt reads of it (targets.conf(5)), to be included in the target's own section."""
        lines = [f"incominguser {self._installation.chap_user} {secrets.initiators}\n"]
        if secrets.target:
            lines.append(f"outgoinguser {self._installation.chap_target_user} {secrets.target}\n")
        return "".join(lines).encode()

    async def _give(self, secrets: Secrets) -> None:
        """Have the target ask for these secrets, for none if there are none."""
        target = await self._target()
        for user, secret, is_outgoing in self._accounts(secrets):
            await self._tgtd.take_account(target, user, is_outgoing=is_outgoing)
            if secret:
                await self._tgtd.give_account(target, user, secret, is_outgoing=is_outgoing)

    def _accounts(self, secrets: Secrets) -> list[tuple[str, str, bool]]:
        accounts = [(self._installation.chap_user, secrets.initiators, False)]
        if self._installation.chap_target_user:
            accounts.append((self._installation.chap_target_user, secrets.target, True))
        return accounts

    async def _see(self, secrets: Secrets) -> None:
        """Log in with the secrets, and fail to log in without. Raises `StepFailed`."""
        if not self._installation.login_command:
            return
        ran = await self._login(self._environment(secrets))
        if ran.fault:
            raise StepFailed(DeploymentStep.PROBE, f"the login with the new secret failed: {ran.fault}", ran.words)
        if not (await self._login({})).fault:
            raise StepFailed(DeploymentStep.PROBE, "the target lets in whoever has no secret")

    async def _login(self, environment: Mapping[str, str]) -> programs.Ran:
        url = f"iscsi://{self._installation.iscsi_portal}/{self._installation.iscsi_target}/0"
        command = (*self._installation.login_command, url)
        return await programs.run(command, self._installation.command_seconds, environment)

    def _environment(self, secrets: Secrets) -> dict[str, str]:
        """Return where libiscsi looks for secrets: no other user can read it, as opposed to arguments."""
        names = {"LIBISCSI_CHAP_USERNAME": self._installation.chap_user, "LIBISCSI_CHAP_PASSWORD": secrets.initiators}
        if secrets.target:
            names["LIBISCSI_CHAP_TARGET_USERNAME"] = self._installation.chap_target_user
            names["LIBISCSI_CHAP_TARGET_PASSWORD"] = secrets.target
        return names

    async def _back(self, failed: StepFailed, target: Target, before: Secrets) -> CHAPRotationFailed:
        """Give the target the secrets of before, and return what is to be told of it."""
        told = CHAPRotationFailed(self._rotation_id, failed.step, failed.reason, failed.words)
        try:
            await asyncio.to_thread(self._files.restore)
            await self._return_to(target, before)
        except StepFailed as worse:
            reason = f"{failed.reason}; and then: {worse.reason}"
            return replace(told, step=DeploymentStep.RESTORE, reason=reason, words=failed.words or worse.words)
        return told

    async def _return_to(self, target: Target, before: Secrets) -> None:
        """Have the target ask for the secrets of before. Where nobody knows them, nobody logs in any more."""
        if before.initiators:
            await self._give(before)
            await self._see(before)
        elif target.incoming or target.outgoing:
            reason = "the secret of before was not es-pki's, so nobody can log in: rotate again"
            raise StepFailed(DeploymentStep.RESTORE, reason)
        else:
            await self._give(before)


def _with_secrets_file(installation: Installation) -> Installation:
    """Return an installation whose only file is that of the secrets, if there is one."""
    path = installation.chap_secrets_file
    return replace(installation, files=(ServiceFile(FileForm.KEY, path),) if path else (), link="")
