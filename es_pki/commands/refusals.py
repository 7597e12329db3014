"""The refusals that more than one aggregate gives."""

from collections.abc import Iterable

from es_pki.decider import Kind, Refused, Violation


class RulesBroken(Refused):
    """The request breaks rules of its profile, its authority's policy or an RFC. Each is named with its field."""

    @classmethod
    def if_any(cls, violations: Iterable[Violation]) -> None:
        """Raise when there is a violation, naming them all."""
        found = tuple(violations)
        if found:
            raise cls(found[0].detail if len(found) == 1 else f"{len(found)} rules are broken", *found)


class Malformed(Refused):
    """The request can't be read: not JSON, an unknown or missing field, broken PEM or DER. The field is named."""

    @classmethod
    def at(cls, field: str, rule: str, detail: str) -> "Malformed":
        """Return the refusal of one field."""
        return cls(detail, Violation(field, rule, detail))


class NameTaken(Refused):
    """Something of this kind already has the name. Choose another, or use what is there."""

    kind = Kind.CLASHING


class SerialNumberTaken(Refused):
    """The issuer has used the serial number before. Send the request again: a new one is drawn."""

    kind = Kind.CLASHING


class ProfileMissing(Refused):
    """There is no profile of this name or id. `GET /api/v1/profiles` lists those that there are."""

    kind = Kind.MISSING


class KeyCompromised(Refused):
    """The key, or the authority's, was reported as compromised: others may have it. Make a new key and use that."""


class AlreadyRevoked(Refused):
    """It was revoked before, otherwise than is asked for now: that stays, with the time and reason that are named.

    If its key turns out to be compromised as well, report the key: ReportKeyCompromise.
    """

    kind = Kind.CLASHING


class NotFound(Refused):
    """Nothing of this kind has the id or name. Look the list up for those that exist."""

    kind = Kind.MISSING


class SigningGivenUp(Refused):
    """The signature failed for good, for the reason given. Mend the cause and send a new request."""

    kind = Kind.CLASHING


class NotSignedYet(Refused):
    """The signature is still outstanding; it is tried again until it succeeds. Ask again shortly."""

    kind = Kind.CLASHING


KINDS = {"signing_request": "CSR", "signing request": "CSR", "principal": "token"}
"""Aggregates that people call otherwise."""


def taken(field: str, name: str, kind: str) -> NameTaken:
    """Return the refusal of a name that another aggregate of the same kind owns."""
    words = KINDS.get(kind, kind)
    detail = f"another {words} is called {name!r}" if field == "name" else f"another {words} has the {field} {name!r}"
    return NameTaken(detail, Violation(field, "names are unique", detail))
