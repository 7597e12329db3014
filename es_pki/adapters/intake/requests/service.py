"""What may be asked about services: who they are, what they serve, how each gets it."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, OPERATORS
from es_pki.events.service import Probe, ReloadSignal, ServiceFile, ServiceKind
from es_pki.values import Role


class InstallationFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be given of an installation, field by field (see ServiceRegistered in docs/EVENTS.md).

    `after` names services that get a new version before this one does, if they serve the same certificate.
    """

    files: tuple[ServiceFile, ...] | None = None
    link: str | None = None
    owner: str | None = None
    group: str | None = None
    mode: str | None = None
    passphrase_file: str | None = None
    test_command: tuple[str, ...] | None = None
    reload_command: tuple[str, ...] | None = None
    reload_signal: ReloadSignal | None = None
    pid_file: str | None = None
    start_command: tuple[str, ...] | None = None
    probe: Probe | None = None
    command_seconds: int | None = None
    probe_seconds: int | None = None
    after: tuple[str, ...] | None = None
    directory_entry: str | None = None
    iscsi_target: str | None = None
    iscsi_portal: str | None = None
    chap_user: str | None = None
    chap_target_user: str | None = None
    chap_secret_length: int | None = None
    chap_secrets_file: str | None = None
    tgtd_socket: str | None = None
    login_command: tuple[str, ...] | None = None


class RegisterService(InstallationFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Know a service: somebody who serves a certificate, and how it gets it.

    Its `kind` says how that usually is, in `folder` (absent: the kind's own); every field of the installation may be
    given otherwise. Its folders and programs must be among those that the settings `service_folders` and
    `service_programs` allow. Nothing is written before a certificate is bound and deployed.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    kind: ServiceKind = ServiceKind.CUSTOM
    folder: str = ""


class ReconfigureService(InstallationFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Have a service get its certificates in another way, from the next deployment on.

    What is left out stays as it is; an empty text, list or address takes away what was there.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    service: str


class BindCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Say that a service serves a certificate, with every version that becomes its current one.

    What was bound before is bound no more. `fallback_certificate` is another one that is served when this one ends
    without being renewed. A certificate that is bound can't be deleted.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str
    certificate: str
    fallback_certificate: str | None = None


class UnbindCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Say that a service serves nothing of ours any more. What it serves stays in its place."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str


class StopService(Struct, frozen=True, forbid_unknown_fields=True):
    """Say that a service doesn't run for now: nothing is deployed to it, nobody looks at it, and it holds nothing.

    What it is bound to may be deleted meanwhile. `ResumeService` has it use that again.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str
    reason: str = ""


class ResumeService(Struct, frozen=True, forbid_unknown_fields=True):
    """Say that a stopped service runs again; it gets the version that has become current meanwhile."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str


class RetireService(Struct, frozen=True, forbid_unknown_fields=True):
    """Be done with a service: it uses no certificate any more. Its name stays taken."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str
    reason: str = ""


class DeployCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Bring the current version of the bound certificate to a service, and look whether it is served.

    The deployment is carried out in the background: `GET /api/v1/services/{id}` shows its outcome. With `wait_seconds`
    (at most 120) the answer waits for it, and `result` has it. When it fails, what was there before is put back.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str
    wait_seconds: int = 0


class VerifyService(Struct, frozen=True, forbid_unknown_fields=True):
    """Look at what a service serves right now, and compare it with what it is to serve.

    `result` has the `fingerprint` of what was seen and its `drift`: unreachable, expired, foreign, older-version,
    newer-version, incomplete-chain, wrong-host; an empty list when all is well. It is recorded when it has changed.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str


class RotateCHAPSecret(Struct, frozen=True, forbid_unknown_fields=True):
    """Give an iSCSI target another CHAP secret (and one of its own, if it proves itself), and try a login with it.

    The secrets are made and kept by es-pki. The rotation is carried out in the background; with `wait_seconds` (at most
    120) the answer waits for its outcome, and `result` has it. When it fails, the target gets the secret of before.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    service: str
    wait_seconds: int = 0


ServiceRequest = (
    RegisterService
    | ReconfigureService
    | BindCertificate
    | UnbindCertificate
    | StopService
    | ResumeService
    | RetireService
    | DeployCertificate
    | VerifyService
    | RotateCHAPSecret
)
