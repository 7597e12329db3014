"""The guards of every door: issuer and profile are as they were read, and nobody has reported a key as compromised.

The keys are those at a certificate's two ends. It costs no reading: the append itself is refused when the report came
first, so no race lets a key through.
"""

from es_pki.commands.refusals import KeyCompromised
from es_pki.decider import Guard, Violation
from es_pki.values import Issuer, PublicKey
from es_pki.values.profile import Profile

CATEGORY = "key_compromise"


def guarded(public_key: PublicKey, issuer: Issuer | None, profile: Profile) -> tuple[Guard, ...]:
    """Return the guards of all that a certificate is decided on; `issuer` None: it signs for itself."""
    facts = [] if issuer is None else [Guard(f"authority-{issuer.authority_id}", issuer.version)]
    if profile.profile_id is not None:
        facts.append(Guard(f"profile-{profile.profile_id}", profile.stream_version))
    return (*facts, *trusted_keys(public_key, issuer))


def trusted_keys(public_key: PublicKey, issuer: Issuer | None) -> tuple[Guard, ...]:
    """Return the guards of a certificate's own key and of its issuer's (None: it signs for itself)."""
    own = trusted_key(public_key.hash, "public_key")
    if issuer is None or issuer.public_key_hash == public_key.hash:
        return (own,)
    return (own, trusted_key(issuer.public_key_hash, "authority"))


def trusted_key(public_key_hash: str, field: str) -> Guard:
    """Return the guard of one key; its refusal names the field."""
    detail = f"the key {public_key_hash} was reported as compromised"
    return Guard(
        f"{CATEGORY}-{public_key_hash}",
        0,
        KeyCompromised(detail, Violation(field, "CA/Browser Forum Baseline Requirements section 6.1.1.3", detail)),
    )
