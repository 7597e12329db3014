"""The aggregates, put together with the encoder of to-be-signed certificates."""

from es_pki.adapters.x509.encode import encode_tbs
from es_pki.commands import (
    acme_account,
    acme_order,
    acme_renewal,
    authority,
    certificate,
    key_compromise,
    log_key,
    principal,
    signing_request,
)

ACME_ACCOUNT = acme_account.decider
ACME_ORDER = acme_order.decider
ACME_RENEWAL = acme_renewal.decider
AUTHORITY = authority.decider(encode_tbs)
CERTIFICATE = certificate.decider(encode_tbs)
LOG_KEY = log_key.decider
PRINCIPAL = principal.decider
KEY_COMPROMISE = key_compromise.decider
SIGNING_REQUEST = signing_request.decider
