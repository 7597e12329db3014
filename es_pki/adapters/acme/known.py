"""Directories by the short names that people know, and the addresses that they stand for."""

KNOWN = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "zerossl": "https://acme.zerossl.com/v2/DV90",
    "google": "https://dv.acme-v02.api.pki.goog/directory",
    "google-staging": "https://dv.acme-v02.test-api.pki.goog/directory",
    "buypass": "https://api.buypass.com/acme/directory",
}


def address_of(directory: str) -> str:
    """Return the address of a directory that is named or addressed."""
    return KNOWN.get(directory, directory)
