"""What happens to a profile that an administrator added. Stream `profile-<id>`. Built-in profiles have no events."""

from msgspec import Struct

from es_pki.values.profile import ProfileTerms


class ProfileDefined(Struct, frozen=True, omit_defaults=True):
    """From now on certificates are made under these terms. `version` counts a profile's terms from 1."""

    name: str
    version: int
    terms: ProfileTerms


class ProfileRetired(Struct, frozen=True, omit_defaults=True):
    """Nothing is made under the profile any more, until it is defined anew. What was made stays as it is."""

    reason: str


ProfileEvent = ProfileDefined | ProfileRetired
