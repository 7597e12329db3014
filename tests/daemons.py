"""Real servers of others as child processes: on free ports of loopback, with the smallest configurations that serve."""

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from tests import postgres
from tests.postgres import free_port
from tests.serving import PATIENCE

SBIN = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


def program(name: str) -> str:
    """Return where a program of the system lies; daemons are not on everybody's PATH."""
    found = shutil.which(name, path=os.pathsep.join(SBIN))
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: make test installs it")
    return found


class Recipe(NamedTuple):
    """A kind of server: where it reads its certificate and how es-pki is to treat it.

    `fields` are those of RegisterService that the server can have before it runs, `further` those that it needs to run
    for. `command` is the server's own, and `before` what is to be run first; `exchange` is what a client says and how
    the answer must begin, None where TLS doesn't begin at once: clients then only shake hands. `also` is another
    address at which it serves the same, its TLS beginning at once.
    """

    folder: Path
    port: int
    fields: dict[str, Any]
    further: dict[str, Any]
    command: Sequence[str | Path]
    exchange: tuple[bytes, bytes] | None = None
    before: Sequence[str] = ()
    also: str = ""

    @property
    def address(self) -> str:
        """Where it serves."""
        return f"127.0.0.1:{self.port}"


HTTP = (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.")


def _linked(folder: Path) -> dict[str, Any]:
    link = folder / "tls" / "current"
    link.parent.mkdir()
    files = [
        {"form": "full-chain", "path": str(link / "fullchain.pem")},
        {"form": "key", "path": str(link / "key.pem")},
    ]
    return {"files": files, "link": str(link)}


def nginx(folder: Path) -> Recipe:
    """Two files behind a link; SIGHUP."""
    fields, port, configuration = _linked(folder), free_port(), folder / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(
        f"daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/log;\n"
        "events {}\n"
        f"http {{ access_log off; {temporary}\n"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {fields['link']}/fullchain.pem;\n"
        f'ssl_certificate_key {fields["link"]}/key.pem; location / {{ return 200 "ok"; }} }} }}\n'
    )
    command = [program("nginx"), "-c", str(configuration), "-e", f"{folder}/log"]
    further = {
        "test_command": [*command, "-t", "-q"],
        "reload_signal": "HUP",
        "pid_file": f"{folder}/pid",
        "probe": {"address": f"127.0.0.1:{port}", "server_name": "www.example.test"},
    }
    return Recipe(folder, port, fields, further, command, HTTP)


def haproxy(folder: Path) -> Recipe:
    """One file; SIGUSR2 to the master."""
    port, configuration, combined = free_port(), folder / "haproxy.cfg", folder / "tls" / "combined.pem"
    combined.parent.mkdir()
    configuration.write_text(
        f"global\n stats socket {folder}/admin level admin expose-fd listeners\n"
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
        f"frontend f\n bind 127.0.0.1:{port} ssl crt {combined}\n"
        " http-request return status 200 content-type text/plain string ok\n"
    )
    further = {
        "test_command": [program("haproxy"), "-c", "-q", "-f", str(configuration)],
        "reload_signal": "USR2",
        "pid_file": f"{folder}/pid",
        "probe": {"address": f"127.0.0.1:{port}", "server_name": "www.example.test"},
    }
    fields = {"files": [{"form": "combined", "path": str(combined)}]}
    command = [program("haproxy"), "-W", "-db", "-f", configuration, "-p", folder / "pid"]
    return Recipe(folder, port, fields, further, command, HTTP)


def redis(folder: Path) -> Recipe:
    """Two files behind a link; CONFIG SET of both at once."""
    fields, port, place = _linked(folder), free_port(), f"{folder}/s"
    files = ("tls-cert-file", f"{fields['link']}/fullchain.pem", "tls-key-file", f"{fields['link']}/key.pem")
    options = [word for name, value in zip(files[::2], files[1::2], strict=True) for word in (f"--{name}", value)]
    command = [
        *(program("redis-server"), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1"),
        *("--unixsocket", place, "--tls-auth-clients", "no", "--save", "", "--dir", str(folder), *options),
    ]
    further = {
        "reload_command": [program("redis-cli"), "-e", "-s", place, "CONFIG", "SET", *files],
        "probe": {"address": f"127.0.0.1:{port}"},
    }
    return Recipe(folder, port, fields, further, command, (b"PING\r\n", b"+PONG"))


def apache(folder: Path) -> Recipe:
    """Two files behind a link; SIGUSR1. With a wrong pair it ends itself, although its test says that all is well."""
    fields, port, configuration, content = _linked(folder), free_port(), folder / "apache.conf", folder / "content"
    content.mkdir()
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "ssl", "dav", "dav_fs")
    )
    configuration.write_text(
        f"{modules}ServerRoot {folder}\nServerName www.example.test\nListen 127.0.0.1:{port}\n"
        f"{_unprivileged()}PidFile {folder}/pid\nErrorLog {folder}/log\nDavLockDB {folder}/lock\n"
        f"SSLEngine on\nSSLCertificateFile {fields['link']}/fullchain.pem\n"
        f"SSLCertificateKeyFile {fields['link']}/key.pem\nDocumentRoot {content}\n"
        f"<Directory {content}>\nRequire all granted\nDav On\n</Directory>\n"
    )
    command = [program("apache2"), "-f", str(configuration)]
    further = {
        "test_command": [*command, "-t"],
        "reload_signal": "USR1",
        "pid_file": f"{folder}/pid",
        "start_command": command,
        "probe": {"address": f"127.0.0.1:{port}", "server_name": "www.example.test"},
    }
    return Recipe(folder, port, fields, further, [*command, "-D", "FOREGROUND"], HTTP)


def postfix(folder: Path) -> Recipe:
    """One file, key first; `postfix reload`. With a wrong pair it answers STARTTLS with 454. SMTPS too."""
    port, smtps, combined = free_port(), free_port(), folder / "tls" / "combined.pem"
    for place in ("tls", "etc", "queue", "data"):
        (folder / place).mkdir()
    shutil.chown(folder / "data", "postfix")
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": folder / "queue",
        "data_directory": folder / "data",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": "mail.example.test",
        "smtpd_tls_chain_files": combined,
        "smtpd_tls_security_level": "may",
        "maillog_file": folder / "log",
        "maillog_file_prefixes": folder,
        **dict.fromkeys(("mydestination", "alias_maps", "local_recipient_maps", "notify_classes"), ""),
    }
    (folder / "etc" / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "etc" / "master.cf").write_text(
        f"127.0.0.1:{port} inet n - n - - smtpd\n127.0.0.1:{smtps} inet n - n - - smtpd\n"
        "  -o smtpd_tls_wrappermode=yes\nrewrite unix - - n - - trivial-rewrite\n"
        "tlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n"
        "pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
    )
    command = [program("postfix"), "-c", f"{folder}/etc"]
    probe = {"address": f"127.0.0.1:{port}", "protocol": "smtp"}
    fields = {"files": [{"form": "combined", "path": str(combined)}]}
    further = {"reload_command": [*command, "reload"], "probe": probe}
    return Recipe(folder, port, fields, further, [*command, "start-fg"], also=f"127.0.0.1:{smtps}")


def slapd(folder: Path) -> Recipe:
    """Two files behind a link; ldapmodify of both at once. With a wrong pair it has no TLS any more. LDAPS too."""
    fields, port, socket_url = _linked(folder), free_port(), f"ldapi://{quote(f'{folder}/s', safe='')}"
    (folder / "etc").mkdir()
    attributes = {
        "olcTLSCertificateFile": f"{fields['link']}/fullchain.pem",
        "olcTLSCertificateKeyFile": f"{fields['link']}/key.pem",
    }
    pairs = "".join(f"{name}: {value}\n" for name, value in attributes.items())
    manager = "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth"
    (folder / "init.ldif").write_text(
        f"dn: cn=config\nobjectClass: olcGlobal\ncn: config\nolcPidFile: {folder}/pid\n{pairs}\n"
        "dn: olcDatabase={0}config,cn=config\nobjectClass: olcDatabaseConfig\nolcDatabase: {0}config\n"
        f"olcAccess: {{0}}to * by dn.exact={manager} manage by * break\n"
    )
    changes = "-\n".join(f"replace: {name}\n{name}: {value}\n" for name, value in attributes.items())
    (folder / "tls.ldif").write_text(f"dn: cn=config\nchangetype: modify\n{changes}")
    reload = [program("ldapmodify"), "-Q", "-Y", "EXTERNAL", "-H", socket_url, "-f", f"{folder}/tls.ldif"]
    probe = {"address": f"127.0.0.1:{port}", "protocol": "ldap"}
    ldaps = free_port()
    addresses = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{ldaps}/ {socket_url}"
    command = [program("slapd"), "-F", f"{folder}/etc", "-h", addresses, "-d", "0"]
    before = [program("slapadd"), "-n", "0", "-F", f"{folder}/etc", "-l", f"{folder}/init.ldif"]
    further = {"reload_command": reload, "probe": probe}
    return Recipe(folder, port, fields, further, command, before=before, also=f"127.0.0.1:{ldaps}")


def vsftpd(folder: Path, *, is_implicit: bool = False) -> Recipe:
    """One file; it reads it when it starts, and doesn't start with a wrong pair."""
    port, configuration, combined = free_port(), folder / "vsftpd.conf", folder / "tls" / "combined.pem"
    for place in ("tls", "empty"):
        (folder / place).mkdir()
    configuration.write_text(
        f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\n"
        f"ssl_enable=YES\nrsa_cert_file={combined}\nrsa_private_key_file={combined}\nssl_ciphers=HIGH\n"
        f"secure_chroot_dir={folder}/empty\nseccomp_sandbox=NO\nimplicit_ssl={'YES' if is_implicit else 'NO'}\n"
    )
    probe = {"address": f"127.0.0.1:{port}", "protocol": "tls" if is_implicit else "ftp"}
    fields = {"files": [{"form": "combined", "path": str(combined)}]}
    return Recipe(folder, port, fields, {"probe": probe}, [program("vsftpd"), str(configuration)])


def rclone(folder: Path) -> Recipe:
    """S3 from a folder. Two files behind a link; it reads them when it starts, and doesn't start with a wrong pair."""
    fields, port, content = _linked(folder), free_port(), folder / "content"
    (content / "bucket").mkdir(parents=True)
    command = [
        *(str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--config", "", "--addr", f"127.0.0.1:{port}"),
        *("--cert", f"{fields['link']}/fullchain.pem", "--key", f"{fields['link']}/key.pem"),
        *("--auth-key", "access,secret", str(content)),
    ]
    probe = {"address": f"127.0.0.1:{port}", "server_name": "www.example.test"}
    return Recipe(folder, port, fields, {"probe": probe}, command, HTTP)


def _unprivileged() -> str:
    """Return the setting of Apache with which it runs where it is started by root: it refuses that."""
    if os.geteuid() != 0:
        return ""
    return f"User nobody\nGroup {grp.getgrgid(pwd.getpwnam('nobody').pw_gid).gr_name}\n"


class PostgreSQL:
    """A server of `tests/postgres.py` whose certificate lies behind a link."""

    def __init__(self, folder: Path) -> None:
        fields = _linked(folder)
        self.server = postgres.Server(folder / "postgres", free_port())
        user = self.server._user
        owner = user.pw_name if user else pwd.getpwuid(os.getuid()).pw_name
        further = {
            "reload_signal": "HUP",
            "pid_file": f"{folder}/postgres/data/postmaster.pid",
            "probe": {"address": f"127.0.0.1:{self.server.port}", "protocol": "postgresql"},
        }
        self.recipe = Recipe(folder, self.server.port, {**fields, "owner": owner}, further, ())

    @contextlib.contextmanager
    def running(self, template: Path) -> Iterator[None]:
        """Run it with the data of a template."""
        self.server.own_folder()
        shutil.copytree(template / "data", self.server.folder / "data", copy_function=shutil.copy2)
        if self.server._user is not None:
            for path in (self.server.folder / "data").rglob("*"):
                os.chown(path, self.server._user.pw_uid, self.server._user.pw_gid)
            os.chown(self.server.folder / "data", self.server._user.pw_uid, self.server._user.pw_gid)
        link = self.recipe.fields["link"]
        self.server.start("ssl=on", f"ssl_cert_file={link}/fullchain.pem", f"ssl_key_file={link}/key.pem")
        try:
            yield
        finally:
            self.server.kill()  # in order it would wait for clients of ours whose loop waits for it


@contextlib.contextmanager
def running(recipe: Recipe) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server until the context ends; it takes connections when the context begins."""
    if recipe.before:
        subprocess.run(recipe.before, check=True, timeout=PATIENCE)
    with (recipe.folder / "output").open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in recipe.command], stdout=output, stderr=output, start_new_session=True
        )
    # Who has ended is buried at once: a server that is started again takes it for alive otherwise.
    threading.Thread(target=process.wait, daemon=True).start()
    try:
        wait_until_it_listens(recipe, process)
        yield process
    finally:
        end(recipe, process)


def end(recipe: Recipe, process: "subprocess.Popen[bytes]") -> None:
    """Kill a server, and the one that has taken its place since, by its pid file."""
    for file, how in (("pid", signal.SIGTERM), ("queue/pid/master.pid", signal.SIGKILL)):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((recipe.folder / file).read_text()), how)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until_it_listens(recipe: Recipe, process: "subprocess.Popen[bytes]") -> None:
    """Wait for a server's port, and for its pid file if it has one, or fail with what it said."""
    deadline, pid_file = time.monotonic() + PATIENCE, recipe.further.get("pid_file")
    while True:
        assert process.poll() is None, (recipe.folder / "output").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", recipe.port), 1):
            if pid_file is None or Path(pid_file).read_text():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def reload_nginx(master: int) -> None:
    """Have nginx read its files anew, and wait until its workers are others."""
    before = workers(master)
    os.kill(master, signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while not workers(master) or workers(master) & before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(master: int) -> set[int]:
    """Return the children of a process."""
    return {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if postgres._parent(path) == master}
