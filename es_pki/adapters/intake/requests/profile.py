"""What may be asked about profiles."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS
from es_pki.values import Role
from es_pki.values.profile import ProfileTerms


class DefineProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """Make certificates of a new profile under these terms, or those of one that was added under its next terms.

    What the terms leave out gets its default. Renewals take the newest terms; what was made before stays as it is. A
    retired profile comes back with its next version. Built-in profiles stay as they are.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    terms: ProfileTerms


class RetireProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """Have nothing made under a profile any more, renewals neither. What was made stays valid until its end."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    profile: str
    reason: str = ""


ProfileRequest = DefineProfile | RetireProfile
