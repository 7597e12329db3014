"""How a service gets its certificate, with every field set, as golden files pin it."""

from es_pki.events.service import FileForm, Installation, Probe, ProbeProtocol, ReloadSignal, ServiceFile

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
