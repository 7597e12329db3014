"""Events of services with every field set, as golden files pin them."""

from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Drift,
    FileForm,
    Installation,
    InstallationAdopted,
    Probe,
    ProbeProtocol,
    ReloadSignal,
    ServiceFile,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)

INSTALLATION = Installation(
    files=(
        ServiceFile(FileForm.FULL_CHAIN, "/etc/nginx/es-pki/www/current/fullchain.pem"),
        ServiceFile(FileForm.KEY, "/etc/nginx/es-pki/www/current/key.pem"),
    ),
    link="/etc/nginx/es-pki/www/current",
    owner="root",
    group="www-data",
    mode="0640",
    test_command=("/usr/sbin/nginx", "-t", "-q"),
    reload_signal=ReloadSignal.HUP,
    pid_file="/run/nginx.pid",
    start_command=("/usr/bin/systemctl", "restart", "nginx"),
    probe=Probe("[2001:db8::1]:25", ProbeProtocol.SMTP, "mail.example.test"),
    command_seconds=60,
    probe_seconds=5,
)

SERVICE_EVENTS = {
    "service.registered.v1": ServiceRegistered("nginx", ServiceKind.WEB_UI, INSTALLATION, b"\x08" * 32),
    "service.installation_adopted.v1": InstallationAdopted(
        Installation(
            files=(ServiceFile(FileForm.PKCS12, "/etc/es-pki/app/app.p12"),),
            passphrase_file="/etc/es-pki/app/passphrase",  # noqa: S106 - where one lies is no secret
            reload_command=("/usr/local/bin/hook", "app"),
        )
    ),
    "service.certificate_bound.v1": CertificateBound(
        "018f0000-0000-7000-8000-000000000002", "018f0000-0000-7000-8000-000000000006"
    ),
    "service.certificate_unbound.v1": CertificateUnbound("018f0000-0000-7000-8000-000000000002"),
    "service.chap_secret_prepared.v1": CHAPSecretPrepared(
        rotation_id="018f0000-0000-7000-8000-000000000009",
        key_id="018f0000-0000-7000-8000-00000000000a",
        target_key_id="018f0000-0000-7000-8000-00000000000b",
    ),
    "service.chap_secret_rotated.v1": CHAPSecretRotated(
        "018f0000-0000-7000-8000-000000000009",
        was_seen=False,
        key_ids=("018f0000-0000-7000-8000-00000000000c", "018f0000-0000-7000-8000-00000000000d"),
    ),
    "service.chap_rotation_failed.v1": CHAPRotationFailed(
        rotation_id="018f0000-0000-7000-8000-000000000009",
        step=DeploymentStep.PROBE,
        reason="the login with the new secret failed: it ended with status 10",
        words="Failed to log in to target. Status: Authentication failure(513)",
        key_ids=("018f0000-0000-7000-8000-00000000000a", "018f0000-0000-7000-8000-00000000000b"),
    ),
    "service.stopped.v1": ServiceStopped("the disk is being replaced"),
    "service.resumed.v1": ServiceResumed("018f0000-0000-7000-8000-000000000002"),
    "service.retired.v1": ServiceRetired("replaced by haproxy"),
    "service.deployment_started.v1": DeploymentStarted(
        deployment_id="018f0000-0000-7000-8000-000000000008",
        certificate_id="018f0000-0000-7000-8000-000000000002",
        version=2,
        fingerprint="09" * 32,
        public_key_hash="05" * 32,
        leaves_key=True,
    ),
    "service.certificate_deployed.v1": CertificateDeployed("018f0000-0000-7000-8000-000000000008", was_seen=False),
    "service.deployment_failed.v1": DeploymentFailed(
        "018f0000-0000-7000-8000-000000000008", DeploymentStep.STAGE, "the folder /etc/x doesn't exist: make it"
    ),
    "service.deployment_rolled_back.v1": DeploymentRolledBack(
        "018f0000-0000-7000-8000-000000000008",
        DeploymentStep.TEST,
        "the test of the configuration failed: it ended with status 1",
        "nginx: [emerg] SSL_CTX_use_PrivateKey failed",
    ),
    "service.observed.v1": ServiceObserved(
        "09" * 32, (Drift.EXPIRED, Drift.OLDER_VERSION), "until 2026-05-03, www.example.test"
    ),
}
