"""Which key usages a profile gives to a key (RFC 5280 section 4.2.1.3, RFC 8813 section 3, RFC 9881)."""

from es_pki.values import KeyType, KeyUsage
from es_pki.values.profile import ProfileTerms


def key_usages(terms: ProfileTerms, key_type: KeyType) -> tuple[KeyUsage, ...]:
    """Return the key usages, each once, in the order of the extension's bits."""
    used = {*terms.key_usages, *terms.further_key_usages.get(key_type.algorithm, ())}
    return tuple(usage for usage in KeyUsage if usage in used)
