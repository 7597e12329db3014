"""Settings: defaults, then `es-pki.toml` in the data folder, then `ES_PKI_…`, then the command line.

A setting may come from each of them under the same name: `public_url`, `ES_PKI_PUBLIC_URL`, `--public-url`.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from posixpath import normpath
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from es_pki.values import dns
from eventlog.note import name_fault

DEFAULT_DATA_DIR = "es-pki-data"
SETTINGS_FILE = "es-pki.toml"
PREFIX = "ES_PKI_"

LONGEST_ORGANIZATION = 48
"""Octets: with ` Intermediate CA` behind it, it is still a common name (RFC 5280 appendix A.1)."""

MOST_ACME_RENEWALS = 100_000
MOST_ACME_RENEWALS_AT_ONCE = 64
MOST_CRL_SHARDS = 1_000

LISTS = frozenset(
    {
        "acme_webroots",
        "dns_hooks",
        "dns_resolvers",
        "fetch_networks",
        "host_names",
        "service_folders",
        "service_programs",
    }
)
"""The settings that are lists: their variables and options have commas."""

NOT_SETTINGS = frozenset(
    {
        "ES_PKI_URL",
        "ES_PKI_TOKEN",
        "ES_PKI_CA_FILE",
        "ES_PKI_BACKUP_PASSPHRASE",
        "ES_PKI_EXPORT_PASSPHRASE",
        "ES_PKI_IMPORT_PASSPHRASE",
        "ES_PKI_EAB_HMAC_KEY",
        "ES_PKI_DNS_CREDENTIALS",
        "ES_PKI_NOTICE_SECRET",
    }
)
"""Variables of the command line: whom to talk to, how to be let in, and secrets that belong in no argument list."""


class SettingsRefused(Exception):
    """A setting that es-pki does not know or can't use; the message names it and says what it may be."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an administrator may set.

    `data_dir`: the folder of the stores, the master key and the token. `database_url`: `postgresql://…` puts all three
    stores on PostgreSQL. `listen` and `public_listen`: `HOST:PORT` of the management API (HTTPS) and of the public
    listener (HTTP); port 0 takes any free one. `public_url`: where relying parties reach the public listener; it goes
    into every certificate. `host_names`: DNS names and IP addresses of this server besides those it listens on, for
    its own certificate. `master_key_file`: default `master.key` in the data folder. `master_passphrase`: instead of
    the file. `organization`: stands in the subjects of the first authorities. `log_origin`: the log's name in its
    checkpoints, as `pki.example.com/log`; fixed for ever when the log gets its first key, and drawn when it isn't set.
    `backup_dir`: the folder for scheduled backups, made `backup_every_hours` hours after the last (0: never), of which
    `backup_keep` stay. `backup_passphrase_file`: a file (0600) with the passphrase that backups are sealed with.
    `fetch_networks`: networks (CIDR) from which CRLs, OCSP answers and issuers may be fetched though they are private.
    `service_folders`: the folders in which services may have their files, `service_programs`: the programs that may be
    run for them, each by its absolute path and perhaps with the arguments that must stand first; both are empty at
    first, and nothing is allowed. `probe_every_minutes`: how often it is looked at what services serve (0: never).
    `crl_validity_hours`: how long a CRL holds; `crl_overlap_hours`: how long before its end the next one is issued.
    `crl_shards`: among how many CRLs of an authority new certificates are spread, besides the one that lists all
    (below 2: none besides). `dns_resolvers`: the resolvers (`HOST:PORT`) that dns-01 asks, instead of the system's.
    `dns_hooks`: the programs (absolute paths) that DNS providers may start; `dns_hook_user`: as whom, which has to be
    said where es-pki runs as root. `tls_alpn_listen`: `HOST:PORT` of the listener for tls-alpn-01, to which port 443 of
    the names must lead; without it there is none. `acme_webroots`: the folders of web servers into which answers to
    http-01 may be put; empty at first. `acme_renewals_per_hour` and `acme_renewals_at_once`: how many certificates of
    one ACME directory are renewed in an hour, evenly, and at the same time; what you ask for yourself doesn't wait.
    """

    data_dir: str = DEFAULT_DATA_DIR
    database_url: str = ""
    listen: str = "127.0.0.1:8443"
    public_listen: str = "127.0.0.1:8080"
    public_url: str = ""
    host_names: tuple[str, ...] = ()
    master_key_file: str = ""
    master_passphrase: str = ""
    organization: str = "es-pki"
    log_origin: str = ""
    backup_dir: str = ""
    backup_every_hours: int = 0
    backup_keep: int = 7
    backup_passphrase_file: str = ""
    fetch_networks: tuple[str, ...] = ()
    service_folders: tuple[str, ...] = ()
    service_programs: tuple[str, ...] = ()
    probe_every_minutes: int = 60
    crl_validity_hours: int = 168
    crl_overlap_hours: int = 24
    crl_shards: int = 0
    dns_resolvers: tuple[str, ...] = ()
    dns_hooks: tuple[str, ...] = ()
    dns_hook_user: str = ""
    acme_renewals_per_hour: int = 100
    acme_renewals_at_once: int = 4
    tls_alpn_listen: str = ""
    acme_webroots: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show nothing: a database URL and a passphrase are secrets."""
        return f"Settings(data_dir={self.data_dir!r}, …)"

    @property
    def folder(self) -> Path:
        """Return the data folder."""
        return Path(self.data_dir)

    @property
    def key_file(self) -> Path:
        """Return the master key's file."""
        return Path(self.master_key_file) if self.master_key_file else self.folder / "master.key"

    @property
    def token_file(self) -> Path:
        """Return the file with the first administrator's token."""
        return self.folder / "admin.token"


def load(environment: Mapping[str, str], overrides: Mapping[str, str]) -> Settings:
    """Return the settings; `overrides` (the command line's) win. Raises `SettingsRefused`."""
    from_environment = _from_environment(environment)
    data_dir = overrides.get("data_dir") or from_environment.get("data_dir") or DEFAULT_DATA_DIR
    from_file = _from_file(Path(str(data_dir)) / SETTINGS_FILE)
    merged = {**from_file, **from_environment, **overrides, "data_dir": data_dir}
    try:
        settings = msgspec.convert(merged, Settings, strict=False)  # numbers come as texts from the environment
    except msgspec.ValidationError as error:
        raise SettingsRefused(f"settings: {error}") from error
    return _checked(settings)


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        setting = name.removeprefix(PREFIX).lower()
        if setting not in Settings.__struct_fields__:
            raise SettingsRefused(f"{name} is no setting of es-pki")
        found[setting] = tuple(value.split(",")) if setting in LISTS else value
    return found


def _from_file(path: Path) -> dict[str, object]:
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsRefused(f"{path}: {error}") from error
    unknown = sorted(set(found) - (set(Settings.__struct_fields__) - {"data_dir"}))
    if unknown:
        raise SettingsRefused(f"{path}: {', '.join(unknown)}: no setting of es-pki")
    return found


def _checked(settings: Settings) -> Settings:
    host_and_port(settings.listen, "listen")
    host_and_port(settings.public_listen, "public_listen")
    if settings.tls_alpn_listen:
        host_and_port(settings.tls_alpn_listen, "tls_alpn_listen")
    if settings.database_url and urlsplit(settings.database_url).scheme not in {"postgresql", "postgres"}:
        raise SettingsRefused("database_url: a postgresql:// address")
    if settings.public_url and not _is_plain_http(settings.public_url):
        raise SettingsRefused("public_url: an http:// address (RFC 5280 section 8: no loops through HTTPS)")
    if not settings.organization.isprintable() or not 0 < len(settings.organization.encode()) <= LONGEST_ORGANIZATION:
        raise SettingsRefused(f"organization: 1 to {LONGEST_ORGANIZATION} octets of printable text")
    if settings.log_origin and (fault := name_fault(settings.log_origin)):
        raise SettingsRefused(f"log_origin: a name as pki.example.com/log: {fault}")
    _check_backups(settings)
    _check_services(settings)
    _check_crls(settings)
    _check_dns(settings)
    _check_acme(settings)
    _check_networks(settings)
    return settings


def _check_networks(settings: Settings) -> None:
    for text in settings.fetch_networks:
        try:
            ip_network(text)
        except ValueError:
            raise SettingsRefused(f"fetch_networks: networks as 10.0.0.0/8 or fd00::/8, not {text!r}") from None


def _check_services(settings: Settings) -> None:
    if not 0 <= settings.probe_every_minutes <= 10_000:
        raise SettingsRefused("probe_every_minutes: 1 to 10,000 minutes, or 0 for never")
    for name in ("service_folders", "service_programs", "acme_webroots"):
        for entry in getattr(settings, name):
            path = entry.partition(" ")[0] if name == "service_programs" else entry
            if not path.startswith("/") or normpath(path) != path:
                raise SettingsRefused(f"{name}: absolute paths in their shortest form, not {entry!r}")


def _check_crls(settings: Settings) -> None:
    if settings.crl_validity_hours < 1:
        raise SettingsRefused("crl_validity_hours: at least 1 hour")
    if not 0 < settings.crl_overlap_hours < settings.crl_validity_hours:
        raise SettingsRefused("crl_overlap_hours: at least 1 hour, and less than crl_validity_hours")
    if not 0 <= settings.crl_shards <= MOST_CRL_SHARDS:
        raise SettingsRefused(f"crl_shards: 0 to {MOST_CRL_SHARDS}")


def _check_acme(settings: Settings) -> None:
    if not 1 <= settings.acme_renewals_per_hour <= MOST_ACME_RENEWALS:
        raise SettingsRefused(f"acme_renewals_per_hour: 1 to {MOST_ACME_RENEWALS}")
    if not 1 <= settings.acme_renewals_at_once <= MOST_ACME_RENEWALS_AT_ONCE:
        raise SettingsRefused(f"acme_renewals_at_once: 1 to {MOST_ACME_RENEWALS_AT_ONCE}")


def _check_dns(settings: Settings) -> None:
    for resolver in settings.dns_resolvers:
        try:
            address, _ = dns.host_and_port(resolver)
            ipaddress.ip_address(address)
        except ValueError:
            raise SettingsRefused(f"dns_resolvers: IP addresses, as 192.0.2.1:53, not {resolver!r}") from None
    for program in settings.dns_hooks:
        if not Path(program).is_absolute():
            raise SettingsRefused(f"dns_hooks: absolute paths, not {program!r}")


def _check_backups(settings: Settings) -> None:
    if settings.backup_every_hours < 0:
        raise SettingsRefused("backup_every_hours: a number of hours, or 0 for no scheduled backups")
    if settings.backup_keep < 1:
        raise SettingsRefused("backup_keep: at least 1 backup stays")
    if settings.backup_every_hours and not settings.backup_dir:
        raise SettingsRefused("backup_dir: scheduled backups need a folder, best on another disk")


def _is_plain_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme == "http" and is_whole and re.fullmatch(r"[A-Za-z0-9._~:/\[\]%-]+", url) is not None


def host_and_port(text: str, name: str) -> tuple[str, int]:
    """Return the parts of `HOST:PORT`; an IPv6 host stands in brackets. Raises `SettingsRefused`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise SettingsRefused(f"{name}: HOST:PORT, not {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
