"""Whether names lie in a part of the name spaces (RFC 5280 section 4.2.1.10): for policies and name constraints."""

import ipaddress
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from es_pki.commands.names import dns_name_fault, email_address_fault, ip_address_fault
from es_pki.decider import Violation
from es_pki.values import AttributeType, NameConstraints, NameSpace, Subject, SubjectAltNames, common_names

MAXIMUM_ENTRIES = 500
"""Entries of a policy or of name constraints: more makes verifiers slow, and a record too large."""


def constraint_violations(
    constraints: NameConstraints, subject: Subject, names: SubjectAltNames, *, rule: str
) -> Iterator[Violation]:
    """Yield the names that leave the permitted part or enter the excluded one."""
    if not constraints:
        return
    uris = names.uris
    if constraints.permitted.uri_hosts or constraints.excluded.uri_hosts:
        uris = tuple(uri for uri in uris if not dns_name_fault(urlsplit(uri).hostname or ""))
        for uri in set(names.uris) - set(uris):
            yield Violation("uris", rule, f"{uri!r} names no host by a DNS name (RFC 5280 section 4.2.1.10)")
    subject_emails = tuple(a.value for a in subject if a.type is AttributeType.EMAIL_ADDRESS)
    forms: tuple[tuple[str, tuple[str, ...], _Within, _Within], ...] = (
        ("dns_names", names.dns_names or _host_names(subject), dns_name_within, dns_name_touches),
        ("ip_addresses", names.ip_addresses, ip_address_within, ip_address_within),
        (
            "email_addresses",
            names.email_addresses + subject_emails,
            email_address_within,
            email_address_within,
        ),
        ("uris", uris, uri_within, uri_within),
    )
    for field, values, within, touches in forms:
        permitted, excluded = _spaces(constraints.permitted, field), _spaces(constraints.excluded, field)
        for value in values:
            if permitted and not any(within(value, space) for space in permitted):
                yield Violation(field, rule, f"{value!r} is not within {', '.join(permitted)}")
            elif any(touches(value, space) for space in excluded):
                yield Violation(field, rule, f"{value!r} is excluded")


def account_violations(constraints: NameConstraints, names: SubjectAltNames, *, rule: str) -> Iterator[Violation]:
    """Yield the accounts that leave the permitted e-mail addresses, whose form they have, or enter the excluded ones.

    X.509's own name constraints know nothing of them: only a policy or a profile is held against them.
    """
    accounts = {
        "user_principal_names": names.user_principal_names,
        "kerberos_principal_names": names.kerberos_principal_names,
    }
    for field, values in accounts.items():
        as_mailboxes = SubjectAltNames(email_addresses=values)
        for violation in constraint_violations(constraints, (), as_mailboxes, rule=rule):
            yield violation._replace(field=field)


_Within = Callable[[str, str], bool]


def _host_names(subject: Subject) -> tuple[str, ...]:
    """Return the common names that verifiers take for host names where there is no DNS name."""
    hosts = (name.lower().removesuffix(".") for name in common_names(subject))
    return tuple(host for host in hosts if "." in host and not dns_name_fault(host))


def _spaces(space: NameSpace, field: str) -> tuple[str, ...]:
    match field:
        case "dns_names":
            return space.dns_names
        case "ip_addresses":
            return space.ip_networks
        case "email_addresses":
            return space.email_addresses
        case _:
            return space.uri_hosts


def dns_name_within(name: str, domain: str) -> bool:
    """Tell whether a name, or all that a wildcard stands for, is the domain or below it."""
    host = name.removeprefix("*.")
    return host == domain or host.endswith("." + domain)


def dns_name_touches(name: str, domain: str) -> bool:
    """Tell whether a name, or anything that a wildcard stands for, is the domain or below it."""
    if dns_name_within(name, domain):
        return True
    return name.startswith("*.") and domain.partition(".")[2] == name[2:]


def ip_address_within(address: str, network: str) -> bool:
    """Tell whether an address lies in a network of its own family."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def email_address_within(address: str, space: str) -> bool:
    """Tell whether a mailbox is the one named, at the host named, or at a host below `.domain`."""
    local, _, host = address.rpartition("@")
    if "@" in space:
        their_local, _, their_host = space.rpartition("@")
        return local == their_local and host.lower() == their_host
    return _host_within(host.lower(), space)


def uri_within(uri: str, space: str) -> bool:
    """Tell whether a URI's host is the one named or below `.domain`; without a host it is within nothing."""
    host = urlsplit(uri).hostname
    return bool(host) and _host_within(str(host), space)


def _host_within(host: str, space: str) -> bool:
    return host.endswith(space) if space.startswith(".") else host == space


def constraints_violations(constraints: NameConstraints, field: str) -> Iterator[Violation]:
    """Yield what is wrong with constraints as they are written, each entry named by its path below `field`."""
    count = sum(map(_size, (constraints.permitted, constraints.excluded)))
    if count > MAXIMUM_ENTRIES:
        yield Violation(field, "names are counted", f"at most {MAXIMUM_ENTRIES} entries, not {count}")
        return
    for part, space in (("permitted", constraints.permitted), ("excluded", constraints.excluded)):
        checks = (
            ("dns_names", space.dns_names, _domain_fault),
            ("ip_networks", space.ip_networks, _network_fault),
            ("email_addresses", space.email_addresses, _email_space_fault),
            ("uri_hosts", space.uri_hosts, _host_space_fault),
        )
        for form, entries, fault_of in checks:
            for index, entry in enumerate(entries):
                fault = fault_of(entry)
                if fault:
                    yield Violation(f"{field}.{part}.{form}[{index}]", "RFC 5280 section 4.2.1.10", fault)


def _size(space: NameSpace) -> int:
    return len(space.dns_names + space.ip_networks + space.email_addresses + space.uri_hosts)


def _domain_fault(domain: str) -> str:
    return "name the domain itself, without a wildcard" if "*" in domain else dns_name_fault(domain)


def _network_fault(network: str) -> str:
    try:
        ipaddress.ip_network(network)
    except ValueError as error:
        return f"this is no network in CIDR notation ({error})"
    return ""


def _host_space_fault(space: str) -> str:
    host = space.removeprefix(".")
    return _domain_fault(host) if ip_address_fault(host) else ""


def _email_space_fault(space: str) -> str:
    return email_address_fault(space) if "@" in space else _host_space_fault(space)
