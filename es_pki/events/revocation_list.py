"""What happens to a revocation list: CRLs of one authority and scope. Stream `revocation_list-<authority id>/<shard>`.

Shard 0 is the list of all that the authority revoked, the others are the parts among which certificates were spread.
"""

from datetime import datetime

from msgspec import Struct


class CRLPrepared(Struct, frozen=True, omit_defaults=True):
    """A CRL was decided on: it lists exactly what is recorded before this event. Its issuer hasn't signed it yet.

    `ended_before`: certificates that ended before that time aren't listed any more, since a CRL of that time listed
    them after their end (RFC 5280 section 3.3); None: the first of the list. `base_crl_number` is the CRL from which
    the delta CRL of the same number goes on; None: there is none. `location` is the distribution point that the list
    is for, "" where it is for all. `freshest_crl` is where deltas are found. `request_id` recognises the same wish.
    """

    crl_number: int
    this_update: datetime
    next_update: datetime
    request_id: str
    ended_before: datetime | None = None
    base_crl_number: int | None = None
    location: str = ""
    freshest_crl: str = ""


class Signed(Struct, frozen=True, omit_defaults=True):
    """What was signed: `digest` is the SHA-256 of the DER TBSCertList, `size` that of the whole CRL in octets."""

    digest: bytes
    signature: bytes
    entries: int
    size: int


class CRLIssued(Struct, frozen=True, omit_defaults=True):
    """The prepared CRL was signed, and its delta if there is one. With the signature the log yields it to the byte."""

    crl_number: int
    complete: Signed
    delta: Signed | None = None


RevocationListEvent = CRLPrepared | CRLIssued
