"""CHAP secrets of an iSCSI target: rotated one at a time, each rotation ended by one outcome.

This is the part of a service's state and decisions that knows them; `service.py` is the aggregate.
"""

from msgspec import Struct

from es_pki.decider import Kind, Refused, Violation
from es_pki.events.service import CHAPRotationFailed, CHAPSecretPrepared, CHAPSecretRotated, Installation

RotationOutcome = CHAPSecretRotated | CHAPRotationFailed


class RotateCHAPSecret(Struct, frozen=True):
    """Give the target the secret that was prepared."""

    prepared: CHAPSecretPrepared


class RecordCHAPRotation(Struct, frozen=True):
    """Record what became of a rotation; which secrets are discarded is decided here."""

    outcome: RotationOutcome


class NoCHAPTarget(Refused):
    """The service is no iSCSI target with an account. Reconfigure it with `iscsi_target` and `chap_user`."""

    kind = Kind.CLASHING


class CHAPRotationRunning(Refused):
    """A rotation of this target has not ended yet. Wait until it has: `GET /api/v1/services/{id}` shows it."""

    kind = Kind.CLASHING


class CHAPSecrets(Struct, frozen=True):
    """What decisions read of a target's secrets.

    `newest` are the last that were prepared, with the `outcome` (None while the target may get them); `current` are
    those that it has.
    """

    newest: CHAPSecretPrepared | None = None
    outcome: RotationOutcome | None = None
    current: CHAPSecretPrepared | None = None

    @property
    def running(self) -> CHAPSecretPrepared | None:
        """Return the secrets whose rotation has not ended."""
        return self.newest if self.outcome is None else None


def ended(secrets: CHAPSecrets, outcome: RotationOutcome) -> CHAPSecrets:
    """Fold an outcome; one of another rotation than the newest changes nothing."""
    newest = secrets.newest
    if newest is None or newest.rotation_id != outcome.rotation_id:
        return secrets
    current = newest if isinstance(outcome, CHAPSecretRotated) else secrets.current
    return CHAPSecrets(newest, outcome, current)


def key_ids(prepared: CHAPSecretPrepared | None) -> tuple[str, ...]:
    """Return the ids under which secrets lie."""
    if prepared is None:
        return ()
    return tuple(key_id for key_id in (prepared.key_id, prepared.target_key_id) if key_id)


def check_none_rotates(secrets: CHAPSecrets) -> None:
    """Raise `CHAPRotationRunning` while one does."""
    if secrets.running is not None:
        detail = f"the rotation {secrets.running.rotation_id} has not ended"
        raise CHAPRotationRunning(detail, Violation("service", "rotations take turns", detail))


def rotate(command: RotateCHAPSecret, secrets: CHAPSecrets, installation: Installation) -> list[CHAPSecretPrepared]:
    """Decide that a target gets another secret."""
    if secrets.newest is not None and secrets.newest.rotation_id == command.prepared.rotation_id:
        return []
    if not installation.iscsi_target:
        detail = "the service is no iSCSI target"
        raise NoCHAPTarget(detail, Violation("service", "secrets belong to a target", detail))
    check_none_rotates(secrets)
    return [command.prepared]


def record(command: RecordCHAPRotation, secrets: CHAPSecrets) -> list[RotationOutcome]:
    """Decide that a rotation ended so; one that ended before, or never was, ends no more."""
    running, outcome = secrets.running, command.outcome
    if running is None or running.rotation_id != outcome.rotation_id:
        return []
    match outcome:
        case CHAPSecretRotated(rotation_id=rotation_id, was_seen=was_seen):
            return [CHAPSecretRotated(rotation_id, was_seen, key_ids(secrets.current))]
        case CHAPRotationFailed(rotation_id=rotation_id, step=step, reason=reason, words=words):
            return [CHAPRotationFailed(rotation_id, step, reason, words, key_ids(running))]
