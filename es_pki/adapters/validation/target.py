"""Rules of the certificate that was asked about: is it for this purpose, this host, this mailbox?"""

import re
from collections.abc import Iterator

from cryptography import x509
from msgspec import Struct

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.findings import advice, rules
from es_pki.adapters.validation.link import usage_fault
from es_pki.adapters.validation.question import Purpose, Question

SMALLEST_WILDCARD = 2
"""Labels below a wildcard, at least: `*.example.test`, never `*.test`."""

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")


class Target(Struct, frozen=True):
    """The certificate that was asked about, and the question; `policies` hold, one must if `policy_needed`."""

    certificate: Parsed
    question: Question
    policy_needed: bool = False
    policies: frozenset[str] = frozenset()


def certificate_serves_purpose(target: Target) -> str | None:
    """RFC 5280 section 4.2.1.12: the extended key usages, where there are some, have the purpose.

    Have a certificate issued for this purpose.
    """
    return usage_fault(target.certificate, target.question.purpose)


def key_usage_serves_purpose(target: Target) -> str | None:
    """RFC 5280 section 4.2.1.12: the key usage, where there is one, has a bit that the purpose works with.

    Have a certificate issued whose key usage goes with its extended key usage.
    """
    usage = target.certificate.key_usage
    if usage is None:
        return None
    serves = True
    match target.question.purpose:
        case Purpose.ANY:
            pass
        case Purpose.SERVER:
            serves = usage.digital_signature or usage.key_encipherment or usage.key_agreement
        case Purpose.CLIENT:
            serves = usage.digital_signature or usage.key_agreement
        case Purpose.EMAIL:
            signs = usage.digital_signature or usage.content_commitment
            serves = signs or usage.key_encipherment or usage.key_agreement
        case Purpose.CODE_SIGNING:
            serves = usage.digital_signature
        case Purpose.OCSP_SIGNING:
            serves = usage.digital_signature or usage.content_commitment
    return None if serves else f"its key usage doesn't go with {target.question.purpose}"


def host_is_named(target: Target) -> str | None:
    """RFC 9525 section 6.3: a DNS name of the certificate is the host; the common name never counts.

    Have a certificate issued with this host among its subject alternative names, or call the server otherwise.
    """
    host = target.question.host
    if host is None:
        return None
    wanted = host.lower().removesuffix(".")
    names = [name.value for name in target.certificate.alt_names if isinstance(name, x509.DNSName)]
    if any(matches(name.lower().removesuffix("."), wanted) for name in names):
        return None
    match len(names):
        case 0:
            return "it has no DNS name"
        case 1:
            return "its DNS name is not the host"
        case count:
            return f"none of its {count} DNS names is the host"


def address_is_named(target: Target) -> str | None:
    """RFC 9525 section 6.5: an IP address of the certificate is the one that was asked about, in every octet.

    Have a certificate issued with this address among its subject alternative names.
    """
    ip = target.question.ip
    if ip is None or any(
        isinstance(each, x509.IPAddress) and each.value == ip for each in target.certificate.alt_names
    ):
        return None
    return "none of its IP addresses is the one asked about"


def mailbox_is_named(target: Target) -> str | None:
    """RFC 8550 section 3: a mailbox of the certificate is the one asked about; its local part counts by case.

    Have a certificate issued with this mailbox among its subject alternative names.
    """
    mailbox = target.question.mailbox
    if mailbox is None or _folded(mailbox) in set(_mailboxes(target.certificate)):
        return None
    return "none of its mailboxes is the one asked about"


def policy_is_acceptable(target: Target) -> str | None:
    """RFC 5280 section 6.1.5 (g): a policy that is acceptable holds for the whole path, where one is required.

    Accept one of the policies that hold, or have the certificate issued under an acceptable one.
    """
    if target.policy_needed and not target.policies:
        return "no acceptable certificate policy holds for the whole path"
    return None


def names_stand_in_alt_names(target: Target) -> str | None:
    """RFC 9525 section 2: the names of a server stand among the subject alternative names.

    Have the certificate issued anew with subject alternative names: nobody looks at the common name any more.
    """
    is_server = target.question.purpose is Purpose.SERVER
    return "it has no subject alternative names" if is_server and not target.certificate.alt_names else None


def matches(presented: str, wanted: str) -> bool:
    """Tell whether a DNS name of a certificate, in lower case, is the wanted host (RFC 9525 section 6.3).

    A wildcard is the whole leftmost label and stands for just one, which must itself be a label and no wildcard.
    """
    if not presented.startswith("*."):
        return presented == wanted and "*" not in presented
    label, dot, rest = wanted.partition(".")
    if not dot or rest != presented[2:] or "*" in rest or rest.count(".") + 1 < SMALLEST_WILDCARD:
        return False
    return _LABEL.fullmatch(label) is not None


def _mailboxes(certificate: Parsed) -> Iterator[tuple[str, str]]:
    for name in certificate.alt_names:
        if isinstance(name, x509.RFC822Name):
            yield _folded(name.value)


def _folded(mailbox: str) -> tuple[str, str]:
    local, _, host = mailbox.rpartition("@")
    return local, host.lower()


TARGET = rules(
    certificate_serves_purpose,
    key_usage_serves_purpose,
    host_is_named,
    address_is_named,
    mailbox_is_named,
    policy_is_acceptable,
)
TARGET_ADVICE = advice(names_stand_in_alt_names)
