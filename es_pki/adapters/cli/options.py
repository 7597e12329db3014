"""Options as data, each written once and shared by the verbs that take it.

The destination of an option that fills in a command's field is named like that field (`session.body_of`).
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from es_pki.adapters.cli.session import Session
from es_pki.commands.built_in import BUILT_IN
from es_pki.values import AttributeType, ExtendedKeyUsage, KeyType, Role


class Option(NamedTuple):
    """What `argparse` is told about an option or argument."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


class Verb(NamedTuple):
    """Something to do: its words, who does it (the docstring is the help), and what it takes."""

    words: str
    run: Callable[[Session], int]
    options: tuple[Option, ...] = ()

    @property
    def help(self) -> str:
        """Return what it does, in one sentence."""
        return (self.run.__doc__ or "").split("\n", 1)[0].rstrip(".")


def option(*flags: str, **settings: Any) -> Option:  # noqa: ANN401 # whatever argparse takes
    """Return an option; `settings` are those of `ArgumentParser.add_argument`."""
    return Option(flags, settings)


def several(flag: str, dest: str, metavar: str, help_text: str, **settings: Any) -> Option:  # noqa: ANN401 # see above
    """Return an option that may be given several times."""
    return option(flag, dest=dest, metavar=metavar, action="append", help=f"{help_text} (repeatable)", **settings)


def filters(fields: str) -> Option:
    """Return the option that has a list show only some of its rows."""
    return several("--filter", "filters", "FIELD=VALUE", f"only these: {fields}", type=pair)


def pair(text: str) -> tuple[str, str]:
    """Return the parts of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"NAME=VALUE, not {text!r}")
    return name, value


def attribute(text: str) -> tuple[str, str]:
    """Return a naming attribute and its value."""
    name, value = pair(text)
    name = name.strip().lower().replace("-", "_")
    if name not in set(AttributeType):
        raise argparse.ArgumentTypeError(f"attributes are: {', '.join(AttributeType)}")
    return name, value


def moment(text: str) -> str:
    """Return a time as the API takes it, from a time or a day (its first moment, UTC)."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a time as 2027-05-03T12:00:00Z, or a day, not {text!r}") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()


def point(text: str) -> str:
    """Return a log position, or a time as `moment` does."""
    return text if text.isascii() and text.isdigit() else moment(text)


def values(kinds: type[KeyType | Role | ExtendedKeyUsage]) -> list[str]:
    """Return the texts that may be chosen from."""
    return [kind.value for kind in kinds]


NAME = option("name", metavar="NAME", help="its name")
NAME_OR_ID = option("name", metavar="NAME", help="its name or id")
AUTHORITY = option("--authority", required=True, metavar="NAME", help="the authority that issues")
PROFILE = option(
    "--profile",
    metavar="NAME",
    help=f"what the certificate is for (default: server): {', '.join(BUILT_IN)}, or one that was added",
)
KEY_TYPE = option("--key-type", choices=values(KeyType), help="the kind of key to make (default: ec-p256)")
DAYS = option("--days", dest="validity_days", type=int, metavar="DAYS", help="days of validity")
OUTPUT = option("-o", "--output", metavar="FILE", help="write to a file instead of standard output")
AS_OF = option("--as-of", metavar="TIME", help="as it was then: RFC 3339 time, day, or log position")
IDEMPOTENCY_KEY = option("--idempotency-key", metavar="KEY", help="sent again with the same key, it is done once")
PREVIEW = option(
    "--preview", action="store_true", help="show what would be made, and all that speaks against it; make nothing"
)
JSON = option("--json", action="store_true", default=argparse.SUPPRESS, help="answer in JSON")

SUBJECT = (
    option("--common-name", metavar="TEXT", help="the subject's common name"),
    option("--organization", dest="organization_name", metavar="TEXT", help="the subject's organization"),
    several("--subject", "attributes", "ATTRIBUTE=VALUE", "another naming attribute, as country=CH", type=attribute),
)

SUBJECT_ALT_NAMES = (
    several("--dns", "dns_names", "NAME", "a DNS name"),
    several("--ip", "ip_addresses", "ADDRESS", "an IP address"),
    several("--email", "email_addresses", "MAILBOX", "an e-mail address"),
    several("--uri", "uris", "URI", "a URI"),
)

SID = option("--sid", dest="security_identifier", metavar="SID", help="an Active Directory account's S-1-5-21-…")
ACCOUNT = (
    several("--upn", "user_principal_names", "NAME@DOMAIN", "an Active Directory account, by user principal name"),
    several("--krb5", "kerberos_principal_names", "NAME@REALM", "a Kerberos principal, as krbtgt/REALM@REALM"),
    SID,
)

NAME_SPACES = tuple(
    several(f"--{verb}-{form}", f"{verb}_{field}", metavar, f"{verb} {what}")
    for verb in ("permit", "exclude")
    for form, field, metavar, what in (
        ("dns", "dns_names", "DOMAIN", "a domain with all below it"),
        ("ip", "ip_networks", "NETWORK", "an IP network (CIDR)"),
        ("email", "email_addresses", "MAILBOX", "a mailbox, a host or .domain"),
        ("uri", "uri_hosts", "HOST", "a URI's host or .domain"),
    )
)

DATA_DIR = (
    option("--data-dir", metavar="FOLDER", default=argparse.SUPPRESS, help="the data folder (default: es-pki-data)"),
)

SETTINGS = tuple(
    option(f"--{name}", metavar=metavar, default=argparse.SUPPRESS, help=text)
    for name, metavar, text in (
        ("listen", "HOST:PORT", "address of the management API (HTTPS)"),
        ("public-listen", "HOST:PORT", "address of the public listener (HTTP)"),
        ("public-url", "URL", "where relying parties reach the public listener"),
        ("host-names", "NAME,…", "further names and addresses of this server"),
        ("master-key-file", "FILE", "the master key (default: master.key in the data folder)"),
        ("log-origin", "NAME", "the log's name in its checkpoints, fixed with its first key (default: drawn)"),
        ("backup-dir", "FOLDER", "where scheduled backups are put"),
        ("backup-every-hours", "HOURS", "how often a backup is made (default: 0, never)"),
        ("backup-keep", "NUMBER", "how many scheduled backups stay (default: 7)"),
        ("backup-passphrase-file", "FILE", "file (0600) with the passphrase that backups are sealed with"),
        ("service-folders", "FOLDER,…", "where services may have their files (default: nowhere)"),
        ("service-programs", "PROGRAM,…", "what may be run for services, with its first arguments (default: nothing)"),
        ("probe-every-minutes", "MINUTES", "how often it is looked at what services serve (default: 60)"),
        ("crl-validity-hours", "HOURS", "how long a CRL holds (default: 168)"),
        ("crl-overlap-hours", "HOURS", "how long before its end the next CRL is issued (default: 24)"),
        ("crl-shards", "NUMBER", "among how many CRLs new certificates are spread, besides the full one (default: 0)"),
        ("dns-resolvers", "ADDRESS:PORT,…", "the resolvers that dns-01 asks (default: the system's)"),
        ("dns-hooks", "PROGRAM,…", "the programs that DNS providers may start"),
        ("tls-alpn-listen", "HOST:PORT", "where tls-alpn-01 is answered, behind port 443 (default: nowhere)"),
        ("acme-webroots", "FOLDER,…", "folders of web servers that answer to http-01 (default: none)"),
        ("dns-hook-user", "USER", "as whom they run, where es-pki runs as root"),
        ("acme-renewals-per-hour", "NUMBER", "how many certificates of an ACME directory are renewed (default: 100)"),
        ("acme-renewals-at-once", "NUMBER", "how many of them at the same time (default: 4)"),
        ("fetch-networks", "NETWORK,…", "private networks that CRLs and OCSP answers may be fetched from (CIDR)"),
        ("organization", "TEXT", "stands in the subjects of the first authorities"),
    )
)

SERVER = tuple(
    option(f"--{name}", metavar=metavar, default=argparse.SUPPRESS, help=text)
    for name, metavar, text in (
        ("url", "URL", "the server (default: ES_PKI_URL, else from the data folder)"),
        ("token-file", "FILE", "file with the token (default: ES_PKI_TOKEN, else from the data folder)"),
        ("ca-file", "FILE", "CA certificates to trust (default: ES_PKI_CA_FILE, else from the data folder)"),
    )
)
