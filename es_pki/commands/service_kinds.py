"""The kinds of services, as data: how each usually gets its certificate. Everything may be given otherwise.

Programs stand where Debian has them. `{folder}` is the folder that the service was registered with.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.service import FileForm, Installation, Probe, ProbeProtocol, ReloadSignal, ServiceFile, ServiceKind

SYSTEMCTL = "/usr/bin/systemctl"


class Defaults(Struct, frozen=True):
    """A kind's installation, and the folder in which its files lie; `{name}` is the service's name."""

    folder: str
    installation: Installation


def _one_file(form: FileForm, name: str) -> Installation:
    """Return that all is in one file, which is switched by renaming."""
    return Installation(files=(ServiceFile(form, f"{{folder}}/{name}"),))


def _linked() -> Installation:
    """Return that chain and key lie apart, below a link that switches both at once."""
    chain = ServiceFile(FileForm.FULL_CHAIN, "{folder}/current/fullchain.pem")
    key = ServiceFile(FileForm.KEY, "{folder}/current/key.pem")
    return Installation(files=(chain, key), link="{folder}/current")


def _with_issuers_apart() -> Installation:
    """Return that certificate, issuers and key lie apart, below a link that switches all at once."""
    names = {FileForm.FULL_CHAIN: "cert.pem", FileForm.ISSUERS: "ca.pem", FileForm.KEY: "key.pem"}
    files = tuple(ServiceFile(form, f"{{folder}}/current/{name}") for form, name in names.items())
    return Installation(files=files, link="{folder}/current")


def _by_systemd(installation: Installation, unit: str) -> Installation:
    return replace(
        installation,
        reload_command=(SYSTEMCTL, "reload", unit),
        start_command=(SYSTEMCTL, "restart", unit),
    )


KINDS: dict[ServiceKind, Defaults] = {
    ServiceKind.CUSTOM: Defaults("/etc/es-pki/{name}", Installation()),
    ServiceKind.WEB_UI: Defaults(
        "/etc/nginx/es-pki/{name}",
        replace(
            _by_systemd(_linked(), "nginx"),
            test_command=("/usr/sbin/nginx", "-t", "-q"),
            probe=Probe("127.0.0.1:443"),
        ),
    ),
    ServiceKind.HAPROXY: Defaults(
        "/etc/haproxy/es-pki/{name}",
        replace(
            _by_systemd(_one_file(FileForm.COMBINED, "combined.pem"), "haproxy"),
            test_command=("/usr/sbin/haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"),
            probe=Probe("127.0.0.1:443"),
        ),
    ),
    ServiceKind.POSTGRESQL: Defaults(
        "/etc/postgresql/es-pki/{name}",
        replace(
            _by_systemd(_linked(), "postgresql"),
            owner="postgres",
            group="postgres",
            probe=Probe("127.0.0.1:5432", ProbeProtocol.POSTGRESQL),
        ),
    ),
    ServiceKind.REDIS: Defaults(
        "/etc/redis/es-pki/{name}",
        replace(
            _linked(),
            owner="redis",
            group="redis",
            reload_command=(
                *("/usr/bin/redis-cli", "-s", "/run/redis/redis-server.sock", "CONFIG", "SET"),
                *("tls-cert-file", "{folder}/current/fullchain.pem", "tls-key-file", "{folder}/current/key.pem"),
            ),
            start_command=(SYSTEMCTL, "restart", "redis-server"),
            probe=Probe("127.0.0.1:6379"),
        ),
    ),
    ServiceKind.WEBDAV: Defaults(
        "/etc/apache2/es-pki/{name}",
        replace(
            _by_systemd(_linked(), "apache2"),
            test_command=("/usr/sbin/apache2ctl", "-t"),
            probe=Probe("127.0.0.1:443"),
        ),
    ),
    ServiceKind.MAIL: Defaults(
        "/etc/postfix/es-pki/{name}",
        replace(
            _by_systemd(_one_file(FileForm.COMBINED, "combined.pem"), "postfix"),
            probe=Probe("127.0.0.1:25", ProbeProtocol.SMTP),
        ),
    ),
    ServiceKind.FTP: Defaults(
        "/etc/vsftpd/es-pki/{name}",
        replace(
            _one_file(FileForm.COMBINED, "combined.pem"),
            reload_command=(SYSTEMCTL, "restart", "vsftpd"),
            start_command=(SYSTEMCTL, "restart", "vsftpd"),
            probe=Probe("127.0.0.1:21", ProbeProtocol.FTP),
        ),
    ),
    ServiceKind.LDAP: Defaults(
        "/etc/ldap/es-pki/{name}",
        replace(
            _linked(),
            owner="openldap",
            group="openldap",
            reload_command=(
                *("/usr/bin/ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"),
                *("-f", "/etc/ldap/es-pki/tls.ldif"),
            ),
            start_command=(SYSTEMCTL, "restart", "slapd"),
            probe=Probe("127.0.0.1:389", ProbeProtocol.LDAP),
        ),
    ),
    ServiceKind.API: Defaults("/etc/es-pki/{name}", Installation(probe=Probe("127.0.0.1:8443"))),
    ServiceKind.S3: Defaults(
        "/etc/rclone/es-pki/{name}",
        replace(
            _linked(),
            reload_command=(SYSTEMCTL, "restart", "rclone-s3"),
            start_command=(SYSTEMCTL, "restart", "rclone-s3"),
            probe=Probe("127.0.0.1:8443"),
        ),
    ),
    ServiceKind.DIRECTORY: Defaults(
        "/etc/ldap/es-pki/{name}",
        replace(
            _one_file(FileForm.USER_CERTIFICATE, "user-certificate.ldif"),
            reload_command=(
                *("/usr/bin/ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"),
                *("-f", "{folder}/user-certificate.ldif"),
            ),
        ),
    ),
    ServiceKind.ACTIVE_DIRECTORY: Defaults(
        "/var/lib/samba/private/es-pki/{name}",
        replace(
            _with_issuers_apart(),
            reload_command=(SYSTEMCTL, "restart", "samba-ad-dc"),
            start_command=(SYSTEMCTL, "restart", "samba-ad-dc"),
            probe=Probe("127.0.0.1:636"),
        ),
    ),
    ServiceKind.ISCSI: Defaults(
        "/etc/tgt/es-pki/{name}",
        Installation(
            iscsi_portal="127.0.0.1:3260",
            chap_user="es-pki",
            tgtd_socket="/run/tgtd/socket.0",
            login_command=("/usr/bin/iscsi-inq",),
        ),
    ),
}
"""Redis sets both files in one command: one by one, the first wouldn't match the other's old half.

slapd reads its files when their settings are written, even as they were: `tls.ldif` in docs/SERVICES.md does that.
"""


def installed(kind: ServiceKind, name: str, folder: str, overrides: Mapping[str, Any]) -> Installation:
    """Return the installation of a new service: its kind's, in `folder` ("" for the kind's own), with the overrides."""
    defaults = KINDS[kind]
    place = folder or defaults.folder.replace("{name}", name)
    installation = defaults.installation

    def placed(text: str) -> str:
        return text.replace("{folder}", place)

    usual = replace(
        installation,
        files=tuple(ServiceFile(file.form, placed(file.path)) for file in installation.files),
        link=placed(installation.link),
        reload_command=tuple(map(placed, installation.reload_command)),
    )
    return changed(usual, overrides)


def changed(installation: Installation, overrides: Mapping[str, Any]) -> Installation:
    """Return it with the overrides. A signal takes the place of the reload command, and a command the signal's."""
    instead: dict[str, Any] = {}
    if overrides.get("reload_signal"):
        instead = {"reload_command": ()}
    elif overrides.get("reload_command"):
        instead = {"reload_signal": ReloadSignal.NONE, "pid_file": ""}
    return replace(installation, **{**instead, **overrides})
