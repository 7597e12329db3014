"""Carries deployments out, each to its outcome, from wherever a process that was killed has left it.

    prove    the key fits the certificate, the chain holds: in memory, before any file is touched
    stage    the files are written beside their places; what is there is kept
    switch   the files take their places
    test     the service's own program judges them: most read only what lies in its place
    reload   the service is told to read them
    probe    new connections are served the certificate and its chain, several times in a row
    restore  otherwise: the files from before come back, the service reads them, and is started if it is gone

Each step may be done again. Services don't wait for each other; each has one deployment at a time, and one process of
an installation, the holder of the lease, carries them all out.
"""

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Callable
from datetime import datetime

from es_pki.adapters.deployment import folders, material, programs, wire
from es_pki.adapters.deployment.allowed import Allowed, NotAllowed
from es_pki.adapters.deployment.files import Files
from es_pki.adapters.deployment.material import Material
from es_pki.adapters.deployment.own_listener import OwnListener, OwnMaterial
from es_pki.adapters.deployment.step import StepFailed, said_by
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import CERTIFICATE, SERVICE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore.store import KeyMissing, KeyUnreadable
from es_pki.adapters.signing import ACTOR
from es_pki.adapters.x509.formats import fingerprint
from es_pki.commands.deployment import Outcome, RecordDeployment
from es_pki.commands.order import Turn, held_back, turn
from es_pki.commands.service import ServiceCommand, State, registered
from es_pki.events.service import (
    CertificateDeployed,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Installation,
    ServiceKind,
)

LOG = logging.getLogger("es_pki.deployment")

LOOKS_IN_A_ROW = 3
LOOK_AGAIN_SECONDS = 0.1


class Deployer:
    """Carries out what `DeploymentStarted` told of."""

    def __init__(
        self,
        aggregates: Aggregates,
        keys: KeyRing,
        allowed: Allowed,
        now: Callable[[], datetime],
        own_listener: OwnListener | None = None,
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._allowed = allowed
        self._now = now
        self._own_listener = own_listener

    async def deploy(self, service_id: str, deployment_id: str) -> None:
        """Carry out a deployment, unless it has ended, and record its outcome."""
        state = (await self._aggregates.load(SERVICE, service_id, afresh=True)).state
        running = state.deployments.running
        if running is None or running.started.deployment_id != deployment_id:
            return
        outcome = await self._outcome(running.started, state)

        async def record() -> ServiceCommand:
            return RecordDeployment(outcome)

        await self._aggregates.handle(SERVICE, service_id, record, actor=ACTOR)
        told = {"service": service_id, "deployment": deployment_id, "outcome": type(outcome).__name__}
        LOG.info("a deployment has ended", extra={"fields": told})
        with contextlib.suppress(StepFailed):  # what is left over is removed by the next deployment
            await asyncio.to_thread(Files(self._allowed, state.installation, deployment_id).clean)

    async def _outcome(self, started: DeploymentStarted, state: State) -> Outcome:
        installation = state.installation
        is_own = registered(state).kind is ServiceKind.API
        own_listener = self._own_listener if is_own else None
        attempt = _Attempt(self._allowed, installation, started.deployment_id, own_listener)
        try:
            self._allowed.check(installation)
            await self._check_turn(started, installation)
            content = await self._material(started, needs_key=started.leaves_key or is_own)
            await asyncio.to_thread(material.prove, content, self._now())
            await attempt.forward(content)
        except NotAllowed as refused:
            return await attempt.backward(StepFailed(DeploymentStep.STAGE, refused.detail))
        except StepFailed as failed:
            return await self._written_anew(attempt, await attempt.backward(failed), failed, state)
        return CertificateDeployed(started.deployment_id, was_seen=bool(installation.probe.address))

    async def _written_anew(self, attempt: "_Attempt", outcome: Outcome, failed: StepFailed, state: State) -> Outcome:
        """Write what the service had from what is kept here, where the files from before don't do."""
        had = state.deployments.deployed
        if not isinstance(outcome, DeploymentFailed) or outcome.step is not DeploymentStep.RESTORE or had is None:
            return outcome
        try:
            content = await self._material(had, needs_key=had.leaves_key)
            await asyncio.to_thread(material.prove, content, self._now())
            await attempt.again(content)
        except StepFailed:
            return outcome
        reason = f"{outcome.reason}; so what was deployed before was written anew"
        return DeploymentRolledBack(outcome.deployment_id, failed.step, reason, outcome.words)

    async def _check_turn(self, started: DeploymentStarted, installation: Installation) -> None:
        """Raise `StepFailed` while a service that this one comes after doesn't have the version."""
        for service_id in installation.after:
            before = (await self._aggregates.load(SERVICE, service_id, afresh=True)).state
            if turn(before, started.certificate_id, started.fingerprint) is not Turn.COME:
                raise StepFailed(DeploymentStep.PROVE, held_back(before))

    async def _material(self, started: DeploymentStarted, *, needs_key: bool) -> Material:
        """Return what is to be deployed; its key only where the service gets it, or is this process."""
        state = (await self._aggregates.load(CERTIFICATE, started.certificate_id)).state
        version = state.versions.get(started.version)
        if version is None or version.certificate is None:
            raise StepFailed(DeploymentStep.PROVE, "the version was never issued")
        issuers = without_root(await issuers_of(self._aggregates, version.prepared))
        key, key_id = None, version.prepared.key_id
        if needs_key and key_id is not None:
            try:
                key = await self._keys.secret(key_id, purpose=CERTIFICATE.category, owner=started.certificate_id)
            except (KeyMissing, KeyUnreadable):
                raise StepFailed(DeploymentStep.PROVE, "the certificate's private key can't be read") from None
        return Material(state.name, version.certificate, tuple(issuers), key)


class _Attempt:
    """One attempt at a deployment: forward, or back."""

    def __init__(
        self, allowed: Allowed, installation: Installation, deployment_id: str, own_listener: OwnListener | None
    ) -> None:
        self._allowed = allowed
        self._installation = installation
        self._deployment_id = deployment_id
        self._files = Files(allowed, installation, deployment_id)
        self._own_listener = own_listener
        self._own_before = own_listener.served if own_listener else None
        self._was_reloaded = False

    async def forward(self, content: Material) -> None:
        """Bring it to the service. Raises `StepFailed`."""
        contents = await asyncio.to_thread(self._contents, content)
        await asyncio.to_thread(self._files.stage, contents)
        await asyncio.to_thread(self._files.keep)
        await asyncio.to_thread(self._files.switch)
        await self._test()
        self._was_reloaded = True
        await self._reload()
        if self._own_listener is not None:
            self._own_listener.serve(OwnMaterial(content.chain, material.key_of(content)))
        await self._see(content.chain)

    async def backward(self, failed: StepFailed) -> Outcome:
        """Undo what was done, and return what is to be told of it."""
        told = (self._deployment_id, failed.step, failed.reason, failed.words)
        if failed.step in {DeploymentStep.PROVE, DeploymentStep.STAGE} and not self._files.are_kept:
            return DeploymentFailed(*told)
        try:
            before = await asyncio.to_thread(self._leaf_before)
            await asyncio.to_thread(self._files.restore)
            await asyncio.to_thread(self._check_files_fit)
            await self._return_to(before)
        except StepFailed as worse:
            reason = f"{failed.reason}; and then: {worse.reason}"
            words = failed.words or worse.words
            return DeploymentFailed(self._deployment_id, DeploymentStep.RESTORE, reason, words)
        return DeploymentRolledBack(*told)

    async def again(self, content: Material) -> None:
        """Bring what the service had before to it, whatever its files hold. Raises `StepFailed`."""
        contents = await asyncio.to_thread(self._contents, content)
        await asyncio.to_thread(self._files.stage, contents)
        await asyncio.to_thread(self._files.switch)
        await self._return_to(content.certificate)

    def _check_files_fit(self) -> None:
        """Raise `StepFailed` when the files from before hold a key that isn't the certificate's."""
        found = [text for file in self._installation.files if (text := self._files.before(file.path))]
        if not material.fit(found):
            reason = "the key in the files from before is not their certificate's: somebody else changed them"
            raise StepFailed(DeploymentStep.RESTORE, reason)

    def _contents(self, content: Material) -> dict[str, bytes]:
        entry = self._installation.directory_entry
        return {
            file.path: material.content(file.form, content, self._passphrase, entry)
            for file in self._installation.files
        }

    def _passphrase(self) -> str:
        text = folders.read(self._allowed, self._installation.passphrase_file, 4_096).decode(errors="replace")
        passphrase = text.partition("\n")[0].rstrip("\r")
        if not passphrase:
            raise StepFailed(DeploymentStep.PROVE, "the file with the passphrase for PKCS#12 is empty")
        return passphrase

    async def _test(self) -> None:
        if self._installation.test_command:
            ran = await programs.run(self._installation.test_command, self._installation.command_seconds)
            if ran.fault:
                raise StepFailed(DeploymentStep.TEST, f"the test of the configuration failed: {ran.fault}", ran.words)

    async def _reload(self) -> None:
        if self._installation.reload_command:
            ran = await programs.run(self._installation.reload_command, self._installation.command_seconds)
            if ran.fault:
                raise StepFailed(DeploymentStep.RELOAD, f"the reload failed: {ran.fault}", ran.words)
        elif self._installation.reload_signal:
            await asyncio.to_thread(self._signal)

    def _signal(self) -> None:
        file, number = self._installation.pid_file, signal.Signals[f"SIG{self._installation.reload_signal}"]
        try:
            named = re.match(rb"\s*([1-9][0-9]{0,9})\b", folders.read(self._allowed, file, 64))
        except StepFailed as failed:
            raise StepFailed(DeploymentStep.RELOAD, f"{failed.reason}: is the service running?") from None
        if named is None or int(named[1]) == 1:
            raise StepFailed(DeploymentStep.RELOAD, f"{file} names no process of a service")
        try:
            os.kill(int(named[1]), number)
        except OSError as error:
            reason = f"the process of {file} can't be signalled: {said_by(error)}"
            raise StepFailed(DeploymentStep.RELOAD, reason) from None

    async def _see(self, chain: tuple[bytes, ...]) -> None:
        """Look with new connections until the chain was served several times in a row. Raises `StepFailed`."""
        probe, in_a_row, seen = self._installation.probe, 0, "nothing"
        if not probe.address:
            return
        deadline = asyncio.get_running_loop().time() + self._installation.probe_seconds
        while in_a_row < LOOKS_IN_A_ROW:
            try:
                found = await wire.served(probe)
                seen = _difference(found, chain)
            except wire.Unreachable as unreachable:
                seen = f"nothing: {unreachable}"
            in_a_row = 0 if seen else in_a_row + 1
            if seen:
                if asyncio.get_running_loop().time() > deadline:
                    seconds = self._installation.probe_seconds
                    reason = f"after {seconds} seconds {probe.address} serves {seen}"
                    raise StepFailed(DeploymentStep.PROBE, reason)
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _leaf_before(self) -> bytes | None:
        """Return the certificate that the service's files held before, if they tell."""
        if self._own_before is not None:
            return self._own_before.chain[0]
        found = (self._files.before(file.path) for file in self._installation.files)
        return next((leaf for text in found if text and (leaf := material.leaf_of(text))), None)

    async def _return_to(self, before: bytes | None) -> None:
        """Have the service serve again what it served before, starting it if it is gone. Raises `StepFailed`."""
        can_be_seen = before is not None and self._installation.probe.address
        try:
            if self._own_listener is not None and self._own_before is not None:
                self._own_listener.serve(self._own_before)
            if self._was_reloaded:
                await self._reload_again(can_be_seen=bool(can_be_seen))
            if before is not None:
                await self._see((before,))
        except StepFailed as failed:
            if not self._installation.start_command:
                raise
            ran = await programs.run(self._installation.start_command, self._installation.command_seconds)
            if ran.fault:
                reason = f"{failed.reason}; it could not be started: {ran.fault}"
                raise StepFailed(DeploymentStep.RESTORE, reason, ran.words) from None
            if before is not None:
                await self._see((before,))

    async def _reload_again(self, *, can_be_seen: bool) -> None:
        """Have the service read the files from before; a failure matters only where the wire can't tell."""
        try:
            await self._reload()
        except StepFailed:
            if not can_be_seen:
                raise


def _difference(found: tuple[bytes, ...], expected: tuple[bytes, ...]) -> str:
    """Say how what is served differs from what is expected, "" when it doesn't; more issuers than needed may come."""
    if not found or found[0] != expected[0]:
        return f"another certificate ({fingerprint(found[0])})" if found else "no certificate"
    missing = len(set(expected) - set(found))
    return f"the certificate without {missing} of its issuers" if missing else ""
