"""Who owns what exists only once. One stream per reserved thing, so that the log itself refuses a second owner.

Streams: `authority_name-<name>`, `certificate_name-<name>`, `principal_name-<name>`, `profile_name-<name>`,
`signing_request_name-<name>`, `trust_store_name-<name>`, `acme_account_name-<name>`, `acme_order_for-<certificate id>`,
`acme_order_url-<SHA-256 of the URL in hex>`, `acme_token-<token of a challenge>`, `acme_tls_alpn-<server name>`,
`signing_request_csr-<SHA-256 of the CSR in hex>`,
`certificate_fingerprint-<SHA-256 of an imported certificate in hex>` and `serial_number-<authority id>-<hex>`. Appended
together with the owner's own event, or not at all.
"""

from msgspec import Struct


class NameReserved(Struct, frozen=True, omit_defaults=True):
    """A name belongs to the aggregate `owner` (its id) from now on."""

    owner: str


class NameReleased(Struct, frozen=True, omit_defaults=True):
    """The name is free again: `owner` (its id) gave it up. Others may reserve it anew in the same stream."""

    owner: str


class SerialNumberReserved(Struct, frozen=True, omit_defaults=True):
    """An issuer's serial number belongs to the aggregate `owner` (its id) for ever (RFC 5280 section 4.1.2.2)."""

    owner: str


ReservationEvent = NameReserved | NameReleased | SerialNumberReserved
