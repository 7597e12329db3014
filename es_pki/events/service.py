"""What happens to a service: somebody who serves a certificate. Stream `service-<id>`.

How a service gets its certificate is part of the facts: what a kind's defaults were on that day is kept with it.
"""

from enum import StrEnum

from msgspec import Struct


class ServiceKind(StrEnum):
    """What kind of service it is; decides the defaults of its installation (see `commands/service_kinds.py`)."""

    CUSTOM = "custom"
    WEB_UI = "web-ui"
    HAPROXY = "haproxy"
    POSTGRESQL = "postgresql"
    REDIS = "redis"
    WEBDAV = "webdav"
    MAIL = "mail"
    FTP = "ftp"
    LDAP = "ldap"
    ISCSI = "iscsi"
    S3 = "s3"
    DIRECTORY = "directory"
    API = "api"
    ACTIVE_DIRECTORY = "active-directory"


class FileForm(StrEnum):
    """What a file of a service holds: PEM, but for PKCS#12.

    `full-chain` is the certificate and its issuers without the root, `issuers` those alone; `combined` is the private
    key, then the full chain; `pkcs12` the same under the passphrase of the service. `user-certificate` is an LDIF that
    publishes the certificate as the `userCertificate` of a directory's entry, `ad-user-certificate` the same for Active
    Directory, whose schema has it without `;binary`.
    """

    FULL_CHAIN = "full-chain"
    CERTIFICATE = "certificate"
    ISSUERS = "issuers"
    KEY = "key"
    COMBINED = "combined"
    PKCS12 = "pkcs12"
    USER_CERTIFICATE = "user-certificate"
    AD_USER_CERTIFICATE = "ad-user-certificate"

    @property
    def has_key(self) -> bool:
        """Tell whether the private key is in it."""
        return self in {FileForm.KEY, FileForm.COMBINED, FileForm.PKCS12}


class ReloadSignal(StrEnum):
    """A signal on which services read their files anew; empty for none."""

    NONE = ""
    HUP = "HUP"
    USR1 = "USR1"
    USR2 = "USR2"


class ProbeProtocol(StrEnum):
    """How TLS begins at an address: at once, or after STARTTLS in the service's own protocol."""

    TLS = "tls"
    SMTP = "smtp"
    FTP = "ftp"
    LDAP = "ldap"
    IMAP = "imap"
    POSTGRESQL = "postgresql"


class DeploymentStep(StrEnum):
    """Where a deployment failed: before anything changed (`prove`, `stage`), afterwards, or on the way back."""

    PROVE = "prove"
    STAGE = "stage"
    SWITCH = "switch"
    TEST = "test"
    RELOAD = "reload"
    PROBE = "probe"
    RESTORE = "restore"


class Drift(StrEnum):
    """How what a service serves differs from what it is to serve."""

    UNREACHABLE = "unreachable"
    EXPIRED = "expired"
    FOREIGN = "foreign"
    OLDER_VERSION = "older-version"
    NEWER_VERSION = "newer-version"
    INCOMPLETE_CHAIN = "incomplete-chain"
    WRONG_HOST = "wrong-host"


class ServiceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file that a service reads: its form and its absolute path."""

    form: FileForm
    path: str


class Probe(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where to see what is served: `HOST:PORT`, how TLS begins there, and the name to ask for (default: the host).

    Without an address nobody looks: what is deployed is believed to be served.
    """

    address: str = ""
    protocol: ProbeProtocol = ProbeProtocol.TLS
    server_name: str = ""


class Installation(Struct, frozen=True, omit_defaults=True):
    """How a service gets its certificate.

    `files` are written with `owner`, `group` ("" for es-pki's own) and `mode` (octal). `link` is a symbolic link to a
    folder of the version in which all files lie, "" without one: it switches them all at once. `passphrase_file` has
    the passphrase for PKCS#12. Commands are argument lists, run without a shell: `test_command` judges the files before
    the service reads them, `reload_command` or the `reload_signal` to the process of `pid_file` has it read them,
    `start_command` starts it when it is gone. A command has `command_seconds`, the service then `probe_seconds` to
    serve what was deployed.

    `directory_entry` is the distinguished name of the entry at which the certificate is published.

    `after` are the ids of services that get a version of the same certificate before this one does.

    `iscsi_target` is the name of a target of tgtd at `iscsi_portal`, "" for a service that is none: initiators log in
    there as `chap_user`, and it proves itself as `chap_target_user` ("": it doesn't), with secrets of
    `chap_secret_length` characters (of 64: 16 are 96 bits). `tgtd_socket` is tgtd's control socket; `login_command`
    tries a login, the target's URL behind its arguments, and `chap_secrets_file` gets what tgt reads at its start.
    """

    files: tuple[ServiceFile, ...] = ()
    link: str = ""
    owner: str = ""
    group: str = ""
    mode: str = "0600"
    passphrase_file: str = ""
    test_command: tuple[str, ...] = ()
    reload_command: tuple[str, ...] = ()
    reload_signal: ReloadSignal = ReloadSignal.NONE
    pid_file: str = ""
    start_command: tuple[str, ...] = ()
    probe: Probe = Probe()
    command_seconds: int = 30
    probe_seconds: int = 15
    after: tuple[str, ...] = ()
    directory_entry: str = ""
    iscsi_target: str = ""
    iscsi_portal: str = ""
    chap_user: str = ""
    chap_target_user: str = ""
    chap_secret_length: int = 16
    chap_secrets_file: str = ""
    tgtd_socket: str = ""
    login_command: tuple[str, ...] = ()


class ServiceRegistered(Struct, frozen=True, omit_defaults=True):
    """A service is known by `name` from now on.

    `request_digest` is the SHA-256 of what was asked for: the same request again is recognised by it.
    """

    name: str
    kind: ServiceKind
    installation: Installation
    request_digest: bytes


class InstallationAdopted(Struct, frozen=True, omit_defaults=True):
    """The service gets its certificates in another way from now on."""

    installation: Installation


class CertificateBound(Struct, frozen=True, omit_defaults=True):
    """The service is to serve the current version of a certificate; `fallback_certificate_id` if that ends."""

    certificate_id: str
    fallback_certificate_id: str | None = None


class CertificateUnbound(Struct, frozen=True, omit_defaults=True):
    """The service is to serve no certificate that is known here; what it serves stays as it is."""

    certificate_id: str


class ServiceStopped(Struct, frozen=True, omit_defaults=True):
    """The service is not to run for now: it holds no certificate, though it knows which it would serve."""

    reason: str = ""


class ServiceResumed(Struct, frozen=True, omit_defaults=True):
    """The service runs again, and uses what it was bound to (`certificate_id`, "" for nothing)."""

    certificate_id: str = ""


class ServiceRetired(Struct, frozen=True, omit_defaults=True):
    """The service is done with. It uses no certificate any more, and its name stays taken.

    `key_ids` are those of its CHAP secrets, which are discarded.
    """

    reason: str = ""
    key_ids: tuple[str, ...] = ()


class DeploymentStarted(Struct, frozen=True, omit_defaults=True):
    """A version of the bound certificate is to be brought to the service; it is durable before any file is touched.

    `as_fallback`: of its fallback, since it ends without a successor.

    `fingerprint` is the SHA-256 of the DER certificate in hex, `public_key_hash` that of its SubjectPublicKeyInfo.
    `leaves_key` tells that the private key leaves for the service's files with it.
    """

    deployment_id: str
    certificate_id: str
    version: int
    fingerprint: str
    public_key_hash: str
    leaves_key: bool = False
    as_fallback: bool = False


class CertificateDeployed(Struct, frozen=True, omit_defaults=True):
    """The service has what was to be deployed; `was_seen` tells that new connections were served it, with its chain."""

    deployment_id: str
    was_seen: bool = True


class DeploymentFailed(Struct, frozen=True, omit_defaults=True):
    """Nothing was deployed. At the step `restore` what was there before isn't served either; else nothing changed.

    `words` are the service's own: the end of what its program said, with control characters escaped.
    """

    deployment_id: str
    step: DeploymentStep
    reason: str
    words: str = ""


class DeploymentRolledBack(Struct, frozen=True, omit_defaults=True):
    """The service has again what it had before: the deployment failed at `step`, after files had been switched.

    `words` are as in DeploymentFailed.
    """

    deployment_id: str
    step: DeploymentStep
    reason: str
    words: str = ""


class ServiceObserved(Struct, frozen=True, omit_defaults=True):
    """Somebody looked, and the service serves something else than when somebody looked before.

    `fingerprint` is the SHA-256 of what it serves in hex, "" for nothing; `drift` is how that differs from what it is
    to serve, and `detail` says more for people.
    """

    fingerprint: str = ""
    drift: tuple[Drift, ...] = ()
    detail: str = ""


class CHAPSecretPrepared(Struct, frozen=True, omit_defaults=True):
    """A target is to get another secret; it lies in the key store (`key_id`), and this is durable before tgtd is told.

    `target_key_id` is that of the secret with which the target proves itself, "" without one.
    """

    rotation_id: str
    key_id: str
    target_key_id: str = ""


class CHAPSecretRotated(Struct, frozen=True, omit_defaults=True):
    """The target has the secret; `was_seen` tells that a login with it succeeded, and one without any did not.

    `key_ids` are those of the secrets before it, which are discarded.
    """

    rotation_id: str
    was_seen: bool = True
    key_ids: tuple[str, ...] = ()


class CHAPRotationFailed(Struct, frozen=True, omit_defaults=True):
    """The target has the secret of before, but at the step `restore`: then nobody can log in, or say.

    `words` are as in DeploymentFailed; `key_ids` those of the secrets that it didn't get, which are discarded.
    """

    rotation_id: str
    step: DeploymentStep
    reason: str
    words: str = ""
    key_ids: tuple[str, ...] = ()


ServiceEvent = (
    ServiceRegistered
    | InstallationAdopted
    | CertificateBound
    | CertificateUnbound
    | ServiceStopped
    | ServiceResumed
    | ServiceRetired
    | DeploymentStarted
    | CertificateDeployed
    | DeploymentFailed
    | DeploymentRolledBack
    | ServiceObserved
    | CHAPSecretPrepared
    | CHAPSecretRotated
    | CHAPRotationFailed
)
