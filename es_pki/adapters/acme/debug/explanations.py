"""Problems of directories in plain words, each with what to do next (RFC 8555 section 6.7, and es-pki's own)."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from es_pki.adapters.acme.dns_01 import DNS_TROUBLE
from es_pki.adapters.acme.http_01 import WEBROOT_TROUBLE
from es_pki.adapters.acme.orders import SHARED
from es_pki.adapters.acme.problems import RFC_8555, Trouble
from es_pki.values.acme import ACME_GIVEN_UP, ACME_REFUSED_HERE, ACMEProblem


class Explanation(NamedTuple):
    """What a problem means, and what to do about it."""

    meaning: str
    advice: str


_ABOUT_DIRECTORIES = {
    "accountDoesNotExist": ("the directory knows no such account", "register another account"),
    "alreadyReplaced": ("the certificate was replaced by another order", "nothing: it is ordered without saying so"),
    "badCSR": ("the directory doesn't like the CSR", "try another key type, or leave the common name out"),
    "badNonce": ("the directory refused nonce after nonce", "look for a proxy that keeps or repeats answers"),
    "caa": (
        "a CAA record in DNS says that this authority may not certify the name",
        "add a CAA record with this authority, or remove the one that is there",
    ),
    "connection": (
        "the directory reached nobody at the name",
        "open port 80 (for tls-alpn-01 port 443) to es-pki, on every address that DNS gives for the name",
    ),
    "dns": ("the directory could not look the name up", "mend the name's DNS; look at DNSSEC and at its name servers"),
    "externalAccountRequired": (
        "the directory wants an account that its operator knows",
        "register with --eab-key-id and the key that the CA gave you",
    ),
    "incorrectResponse": (
        "somebody answered for the name, but not es-pki",
        "have what answers there pass challenges on to es-pki: /.well-known/acme-challenge/, or ALPN acme-tls/1",
    ),
    "invalidProfile": ("the directory has no such profile", "order with one of the profiles that it offers"),
    "malformed": ("the directory could not read the request", "look whether the order has expired, and order again"),
    "orderNotReady": ("the directory was not ready", "nothing: it is tried again"),
    "rateLimited": ("too much was asked for in a short time", "wait; it is tried again when the directory allows it"),
    "rejectedIdentifier": (
        "the directory certifies no such name",
        "order public names only: not internal ones, bare words or other people's",
    ),
    "serverInternal": ("the directory itself failed", "nothing: it is tried again"),
    "tls": (
        "the directory met bad TLS when it looked",
        "look where the name redirects to, and who answers at port 443",
    ),
    "unauthorized": (
        "the directory was not convinced, or the account is closed",
        "look at what is found where the directory looks, below, and at the account",
    ),
    "unsupportedIdentifier": ("the directory doesn't certify names of this kind", "leave the IP addresses out"),
    "userActionRequired": ("the directory wants you to do something first", "read what it says and follow its link"),
}

_OUR_OWN = {
    Trouble.UNREACHABLE: ("there is no connection to the directory", "look at the network, its proxy and firewall"),
    Trouble.UNTRUSTED: (
        "nobody who is trusted vouches for the directory",
        "register with --ca-bundle if it is your own; else somebody stands between you and it",
    ),
    Trouble.SLOW: ("the directory doesn't answer in time", "nothing: it is tried again"),
    Trouble.MALFORMED: (
        "what answers is no ACME directory",
        "look for a captive portal or a proxy, and at the directory's address",
    ),
    Trouble.FAILING: ("the directory itself failed", "nothing: it is tried again"),
    Trouble.NOT_VISIBLE: ("the answer to the challenge could not be found in its place", "look at the DNS provider"),
    Trouble.NOT_PUBLISHED: (
        "the standing record for the name is missing or wrong",
        "publish exactly the record that is named; it is looked for again",
    ),
    Trouble.NO_CHALLENGE: ("the directory offers no such way to prove the name", "order with another --challenge"),
    Trouble.NO_REVOCATION: ("the directory revokes nothing", "ask the CA by other ways"),
    DNS_TROUBLE: (
        "the record that proves a name could not be written, found or removed",
        "look at the DNS provider (es-pki dns check) and at the zone's name servers below",
    ),
    WEBROOT_TROUBLE: (
        "the answer could not be put into the web server's folder",
        "make the folder and let es-pki write there, or order without --webroot",
    ),
    SHARED: ("another order here proves the same name", "nothing: it is tried again when that one is over"),
    ACME_GIVEN_UP: ("somebody called it off", "order again if the certificate is needed"),
    ACME_REFUSED_HERE: ("es-pki itself refused", "mend what it names, and order again"),
}

EXPLANATIONS: dict[str, Explanation] = {
    **{f"{RFC_8555}{name}": Explanation(*words) for name, words in _ABOUT_DIRECTORIES.items()},
    **{str(kind): Explanation(*words) for kind, words in _OUR_OWN.items()},
}


def explained(problem: ACMEProblem) -> Explanation:
    """Return a problem in plain words; of an unknown one what the directory said."""
    known = EXPLANATIONS.get(problem.type)
    return known or Explanation(f"the directory reported {problem.type}", "read what it says")


class _Subproblem(Struct, frozen=True):
    """What went wrong for one name (RFC 8555 section 6.7.1)."""

    type: str = ""
    detail: str = ""
    identifier: dict[str, str] = {}


class _Document(Struct, frozen=True):
    subproblems: tuple[_Subproblem, ...] = ()


def told(problem: ACMEProblem) -> Explanation:
    """Return a problem in plain words, with what the directory said itself, also of single names."""
    meaning, advice = explained(problem)
    said = [problem.detail]
    for each in _subproblems(problem.document):
        its_meaning, advice = explained(ACMEProblem(each.type, each.detail))
        said.append(f"{each.identifier.get('value', 'one of the names')}: {its_meaning}: {each.detail}")
    return Explanation(f"{meaning} ({'; '.join(said)})", advice)


def _subproblems(document: str) -> tuple[_Subproblem, ...]:
    try:
        return msgspec.json.decode(document or "{}", type=_Document).subproblems
    except msgspec.MsgspecError:
        return ()
