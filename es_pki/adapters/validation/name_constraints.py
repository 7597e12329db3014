"""Name constraints of every form that RFC 5280 section 4.2.1.10 describes, read into sets.

A name is looked up by what it could lie in: its domains, its prefixes, its networks. So each name costs as many steps
as it has parts, however many constraints there are; and constraints of several authorities are simply all asked,
which is the intersection of section 6.1.4 (g).
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from cryptography import x509

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.names import Name, mailboxes, normal

SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9"
LONGEST_DNS_NAME = 253

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_DNS_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?")


class Unprocessable(ValueError):
    """A name of a form that is constrained and can't be judged: the certificate is rejected, as the section demands."""


class Constraints:
    """The name constraints of one certificate."""

    def __init__(self, extension: x509.NameConstraints) -> None:
        self._permitted = _Subtrees(list(extension.permitted_subtrees or ()), are_permitted=True)
        self._excluded = _Subtrees(list(extension.excluded_subtrees or ()), are_permitted=False)
        self.size = len(extension.permitted_subtrees or ()) + len(extension.excluded_subtrees or ())

    def refuses(self, subject: Name, alt_names: tuple[x509.GeneralName, ...], budget: Budget) -> str | None:
        """Return which name of a certificate is not allowed and why, None when all are. Spends the budget."""
        if subject and (reason := self._refuses(_lies_in_directory, x509.DirectoryName, subject, budget)):
            return f"the subject {reason}"
        for mailbox in mailboxes(subject):
            if reason := self._refuses(_lies_in_mailboxes, x509.RFC822Name, mailbox, budget):
                return f"a mailbox in the subject {reason}"
        for name in alt_names:
            if reason := self._refuses_alt_name(name, budget):
                return f"a subject alternative name ({FORMS.get(type(name), type(name).__name__)}) {reason}"
        return None

    def _refuses_alt_name(self, name: x509.GeneralName, budget: Budget) -> str | None:
        match name:
            case x509.DNSName():
                return self._refuses(_lies_in_domains, x509.DNSName, name.value, budget)
            case x509.RFC822Name():
                return self._refuses(_lies_in_mailboxes, x509.RFC822Name, name.value, budget)
            case x509.UniformResourceIdentifier():
                return self._refuses(_lies_in_hosts, x509.UniformResourceIdentifier, name.value, budget)
            case x509.IPAddress():
                return self._refuses(_lies_in_networks, x509.IPAddress, name.value, budget)
            case x509.DirectoryName():
                return self._refuses(_lies_in_directory, x509.DirectoryName, normal(name.value), budget)
            case x509.OtherName() if name.type_id.dotted_string == SMTP_UTF8_MAILBOX:
                return self._refuses_unknown(x509.RFC822Name) or self._refuses_unknown(x509.OtherName)
            case _:
                return self._refuses_unknown(type(name))

    def _refuses_unknown(self, form: type[x509.GeneralName]) -> str | None:
        """RFC 5280 section 4.2.1.10: a form that is constrained is processed, or the certificate is rejected."""
        if form in self._permitted.forms or form in self._excluded.forms:
            return "is of a form whose constraints can't be judged here"
        return None

    def _refuses(
        self,
        lies_in: "Callable[[_Subtrees, object, Budget], bool]",
        form: type[x509.GeneralName],
        name: object,
        budget: Budget,
    ) -> str | None:
        try:
            if form in self._excluded.forms and lies_in(self._excluded, name, budget):
                return "lies in an excluded subtree"
            if form in self._permitted.forms and not lies_in(self._permitted, name, budget):
                return "lies in no permitted subtree"
        except Unprocessable as error:
            return str(error)
        return None


FORMS: dict[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS name",
    x509.RFC822Name: "mailbox",
    x509.UniformResourceIdentifier: "URI",
    x509.IPAddress: "IP address",
    x509.DirectoryName: "directory name",
}


class _Subtrees:
    """Permitted or excluded subtrees, by form.

    `exact` and `below` hold host names: those that a name may be, and those that it may end in. `parents` are the
    excluded domains without their first label: a wildcard below one of them covers what is excluded.
    """

    def __init__(self, subtrees: list[x509.GeneralName], *, are_permitted: bool) -> None:
        self.are_permitted = are_permitted
        self.forms = frozenset(map(type, subtrees))
        self.directories = {normal(each.value) for each in subtrees if isinstance(each, x509.DirectoryName)}
        self.networks: dict[tuple[int, int], set[int]] = {}
        self.domains: set[str] = set()
        self.subdomains: set[str] = set()
        self.parents: set[str] = set()
        self.mailboxes: set[tuple[str, str]] = set()
        self.mail_hosts: set[str] = set()
        self.mail_domains: set[str] = set()
        self.uri_hosts: set[str] = set()
        self.uri_domains: set[str] = set()
        for each in subtrees:
            self._add(each)

    def _add(self, subtree: x509.GeneralName) -> None:
        match subtree:
            case x509.IPAddress(value=IPv4Network() | IPv6Network() as network):
                key = (network.version, network.prefixlen)
                self.networks.setdefault(key, set()).add(int(network.network_address))
            case x509.DNSName():
                self._add_domain(subtree.value.lower().removesuffix("."))
            case x509.RFC822Name():
                local, at, host = subtree.value.rpartition("@")
                if at:
                    self.mailboxes.add((local, host.lower()))
                else:
                    _sort_in(host.lower(), self.mail_hosts, self.mail_domains)
            case x509.UniformResourceIdentifier():
                _sort_in(subtree.value.lower(), self.uri_hosts, self.uri_domains)
            case _:
                pass

    def _add_domain(self, domain: str) -> None:
        """A leading period isn't foreseen for DNS names; it is read so that no more is allowed than any reader does."""
        if domain.startswith(".") and self.are_permitted:
            self.subdomains.add(domain[1:])
        else:
            self.domains.add(domain.removeprefix("."))
            self.parents.add(domain.removeprefix(".").partition(".")[2])


def _sort_in(constraint: str, hosts: set[str], domains: set[str]) -> None:
    """RFC 5280 section 4.2.1.10: a leading period means the hosts below a domain, without it a single host."""
    if constraint.startswith("."):
        domains.add(constraint[1:])
    else:
        hosts.add(constraint)


def _lies_in_domains(subtrees: _Subtrees, name: object, budget: Budget) -> bool:
    """RFC 5280 section 4.2.1.10: a DNS name lies in a domain when labels were put before it, or none."""
    text = str(name).lower().removesuffix(".")
    if len(text) > LONGEST_DNS_NAME or not _DNS_NAME.fullmatch(text):
        raise Unprocessable("is no DNS name (RFC 1034 section 3.5)")
    above = list(_domains_of(text))
    budget.spend_comparisons(len(above) + 1)
    if not subtrees.domains.isdisjoint((text, *above)) or not subtrees.subdomains.isdisjoint(above):
        return True
    is_wildcard = text.startswith("*.") and not subtrees.are_permitted
    return is_wildcard and text[2:] in subtrees.parents


def _domains_of(host: str) -> Iterator[str]:
    """Yield the domains above a host, the root (empty) last."""
    while host:
        host = host.partition(".")[2]
        yield host


def _lies_in_mailboxes(subtrees: _Subtrees, name: object, budget: Budget) -> bool:
    """RFC 5280 section 4.2.1.10: a mailbox, all of a host, or all below a domain; RFC 5280 section 7.5 on case."""
    local, at, host = str(name).rpartition("@")
    host = host.lower()
    if not at or len(host) > LONGEST_DNS_NAME:
        raise Unprocessable("is no mailbox (RFC 5321 section 4.1.2)")
    above = list(_domains_of(host))
    budget.spend_comparisons(len(above) + 2)
    if (local, host) in subtrees.mailboxes or host in subtrees.mail_hosts or "" in subtrees.mail_hosts:
        return True
    return not subtrees.mail_domains.isdisjoint(above)


def _lies_in_hosts(subtrees: _Subtrees, name: object, budget: Budget) -> bool:
    """RFC 5280 section 4.2.1.10: the host of a URI, which must have one that is a domain name."""
    try:
        host = (urlsplit(str(name)).hostname or "").lower().removesuffix(".")
    except ValueError:
        host = ""
    if not _DNS_NAME.fullmatch(host) or len(host) > LONGEST_DNS_NAME or re.fullmatch(r"[\d.]+", host):
        raise Unprocessable("has no domain name as its host")
    above = list(_domains_of(host))
    budget.spend_comparisons(len(above) + 1)
    if host in subtrees.uri_hosts or "" in subtrees.uri_hosts:
        return True
    return not subtrees.uri_domains.isdisjoint(above)


def _lies_in_networks(subtrees: _Subtrees, name: object, budget: Budget) -> bool:
    """RFC 5280 section 4.2.1.10: an address lies in a network (RFC 4632)."""
    if not isinstance(name, IPv4Address | IPv6Address):
        raise Unprocessable("is no single IP address")
    budget.spend_comparisons(len(subtrees.networks) + 1)
    return any(
        version == name.version and int(name) >> (shift := name.max_prefixlen - length) << shift in networks
        for (version, length), networks in subtrees.networks.items()
    )


def _lies_in_directory(subtrees: _Subtrees, name: object, budget: Budget) -> bool:
    """RFC 5280 section 4.2.1.10 and 7.1: a distinguished name lies in another that it begins with."""
    if not isinstance(name, tuple):
        raise Unprocessable("is no distinguished name")
    budget.spend_comparisons(len(name) + 1)
    return any(name[:length] in subtrees.directories for length in range(len(name) + 1))
