"""When a certificate of an ACME directory is renewed, and why it wasn't. Stream `acme_renewal-<certificate id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values.acme import ACMEProblem


class ACMERenewalPlanned(Struct, frozen=True, omit_defaults=True):
    """The `version` of the lineage is to be replaced `at` this moment, drawn from a window of time.

    `name` is what the certificate was called then, and `not_after` when the version ends. `suggested`: the directory
    suggested the window (RFC 9773), else it follows from the lifetime. `revoked`: there is none, since the version was
    revoked, or is to be. `explanation` is the address at which the
    directory says why it wants an earlier renewal, "" if it doesn't.
    """

    name: str
    version: int
    not_after: datetime
    at: datetime
    window_start: datetime
    window_end: datetime
    suggested: bool = False
    explanation: str = ""
    revoked: bool = False


class ACMERenewalFailed(Struct, frozen=True, omit_defaults=True):
    """An attempt to replace the `version` came to nothing, and the next is made at `next_attempt`.

    `attempt` counts from 1. None: the version ended long ago, and nobody seems to want it any more.
    """

    version: int
    attempt: int
    problem: ACMEProblem
    next_attempt: datetime | None


class ACMERenewalMissed(Struct, frozen=True, omit_defaults=True):
    """The `version` ends now, and nothing came in its place: who serves it needs something else.

    `problem` is what the last attempt failed for, None without any. It is still attempted, more rarely.
    """

    version: int
    not_after: datetime
    problem: ACMEProblem | None = None


ACMERenewalEvent = ACMERenewalPlanned | ACMERenewalFailed | ACMERenewalMissed
