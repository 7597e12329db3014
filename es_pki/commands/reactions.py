"""What must happen because something happened: effects as data, done at least once by a runner outside the core."""

from collections.abc import Iterator

from msgspec import Struct

from es_pki.events import codec
from es_pki.events.authority import AuthorityCreated, AuthorityPrepared, AuthoritySigningFailed
from es_pki.events.certificate import CertificateIssued, CertificatePrepared, SigningFailed
from es_pki.events.happened import Happened


class SignAuthority(Struct, frozen=True, tag=True):
    """Sign the prepared certificate of an authority and record it."""

    authority_id: str


class SignCertificate(Struct, frozen=True, tag=True):
    """Sign the prepared version of a certificate and record it."""

    certificate_id: str


Effect = SignAuthority | SignCertificate


class Due(Struct, frozen=True):
    """An effect is outstanding until something settles it."""

    effect: Effect


class Settled(Struct, frozen=True):
    """The effect was done, or can never be."""

    effect: Effect


REACTED_TO = codec.stored_types_of(
    AuthorityPrepared,
    AuthorityCreated,
    AuthoritySigningFailed,
    CertificatePrepared,
    CertificateIssued,
    SigningFailed,
)
"""The stored types of the events that `react` looks at, old names too."""


def react(happened: Happened) -> Iterator[Due | Settled]:
    """Yield what an event makes due and what it settles."""
    match happened.event:
        case AuthorityPrepared():
            yield Due(SignAuthority(happened.id))
        case AuthorityCreated() | AuthoritySigningFailed():
            yield Settled(SignAuthority(happened.id))
        case CertificatePrepared():
            yield Due(SignCertificate(happened.id))
        case CertificateIssued() | SigningFailed():
            yield Settled(SignCertificate(happened.id))
        case _:
            pass
