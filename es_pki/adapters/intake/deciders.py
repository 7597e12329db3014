"""The aggregates, put together with the encoder of to-be-signed certificates, whose outcome is linted."""

from es_pki.adapters.lint import linted
from es_pki.adapters.x509.encode import encode_tbs
from es_pki.commands import (
    authority,
    certificate,
    key_compromise,
    log_key,
    principal,
    revocation_list,
    signing_request,
    trust_store,
)

_ENCODE = linted(encode_tbs)

AUTHORITY = authority.decider(_ENCODE)
CERTIFICATE = certificate.decider(_ENCODE)
LOG_KEY = log_key.decider
PRINCIPAL = principal.decider
KEY_COMPROMISE = key_compromise.decider
REVOCATION_LIST = revocation_list.decider
SIGNING_REQUEST = signing_request.decider
TRUST_STORE = trust_store.decider
