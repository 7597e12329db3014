"""A certificate before anyone agreed to it: what the rules judge."""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.decider import Violation
from es_pki.values import ExtendedKeyUsage, Issuer, Template
from es_pki.values.profile import Profile


class Draft(Struct, frozen=True):
    """A certificate before anyone agreed to it: what the rules judge.

    `issuer` is None when the subject signs for itself: then no policy applies, only the RFC and the profile. `now` is
    the command's time. `key_is_here` tells whether the private key is kept here.
    """

    name: str
    profile: Profile
    template: Template
    issuer: Issuer | None
    now: datetime
    key_is_here: bool = False

    @property
    def is_server(self) -> bool:
        """Tell whether it is for a server; an authority's purposes are those of the certificates below it."""
        return self._is_for(ExtendedKeyUsage.SERVER_AUTH)

    @property
    def is_for_email(self) -> bool:
        """Tell whether it is for e-mail."""
        return self._is_for(ExtendedKeyUsage.EMAIL_PROTECTION)

    def _is_for(self, purpose: ExtendedKeyUsage) -> bool:
        return purpose in self.template.extended_key_usages and not self.template.is_authority


Rule = Callable[[Draft], Iterator[Violation]]
"""A rule yields what breaks it: field, source, and what to do."""
