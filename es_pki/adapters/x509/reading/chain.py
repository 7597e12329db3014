"""Which of several certificates is meant, and the way from it up to its root."""

from collections.abc import Sequence

from cryptography import x509

from es_pki.adapters.x509.reading.facts import UNREADABLE, is_issued_by
from es_pki.adapters.x509.reading.private_keys import KeptKey, is_other_half
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused, Violation

MOST_ABOVE = 10
"""Certificates above another, at most."""


class LeafUnclear(Refused):
    """Several certificates were sent, and none of them alone is meant. Send one with its chain, or its private key."""


class PrivateKeyMismatched(Refused):
    """The private key is not that of the certificate. Send the key for which the certificate was made."""


class Pile:
    """Certificates in any order, each once."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self.certificates = list(dict.fromkeys(certificates))
        self._by_subject: dict[x509.Name, list[x509.Certificate]] = {}
        for each in self.certificates:
            self._by_subject.setdefault(each.subject, []).append(each)
        self._issuers: dict[x509.Certificate, x509.Certificate | None] = {}

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """Return the certificate of the issuer, another one than itself; None if it isn't here."""
        if certificate not in self._issuers:
            candidates = self._by_subject.get(certificate.issuer, [])
            others = (each for each in candidates if each != certificate and is_issued_by(certificate, each))
            self._issuers[certificate] = next(others, None)
        return self._issuers[certificate]

    def leaves(self) -> list[x509.Certificate]:
        """Return those that issued none of the others, in their order."""
        issuers = {self.issuer_of(each) for each in self.certificates}
        return [each for each in self.certificates if each not in issuers]

    def above(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        """Return the issuers upwards, as far as they are here; a loop ends where it closes."""
        found: list[x509.Certificate] = []
        above = self.issuer_of(certificate)
        while above is not None and above != certificate and above not in found and len(found) < MOST_ABOVE:
            found.append(above)
            above = self.issuer_of(above)
        return found


def leaf_with_key(pile: Pile, key: KeptKey, field: str) -> x509.Certificate:
    """Return the certificate of a private key; of several the one that holds longest. Raises `PrivateKeyMismatched`."""
    public = key.public_key()
    found = [each for each in pile.certificates if has_key(each, public) and is_other_half(key, public)]
    if not found:
        detail = "the private key is not that of the certificate"
        raise PrivateKeyMismatched(detail, Violation(field, "a key pair has two halves", detail))
    return max(found, key=lambda each: each.not_valid_after_utc)


def has_key(certificate: x509.Certificate, public: object) -> bool:
    """Tell whether a certificate is for a public key; one whose own key can't be read is for none."""
    try:
        return bool(certificate.public_key() == public)
    except UNREADABLE:
        return False


def leaf_without_key(pile: Pile, field: str) -> x509.Certificate:
    """Return the certificate that issued none of the others. Raises `LeafUnclear` if there are several, or none."""
    leaves = pile.leaves()
    match leaves:
        case [leaf]:
            return leaf
        case []:
            detail = "each of the certificates issued another: none is the one that is meant"
        case _:
            detail = f"{len(leaves)} certificates that issued none of the others: which is meant?"
    raise LeafUnclear(detail, Violation(field, "one certificate is meant", detail))


def no_certificate(field: str) -> Malformed:
    """Return the refusal of what has no certificate in it."""
    return Malformed.at(field, "RFC 7468 section 5", "there is no certificate in it")
