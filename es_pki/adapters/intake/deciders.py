"""The aggregates, put together with the encoder of to-be-signed certificates."""

from es_pki.adapters.x509.encode import encode_tbs
from es_pki.commands import authority, certificate, key_compromise, log_key, principal, profile, signing_request

AUTHORITY = authority.decider(encode_tbs)
CERTIFICATE = certificate.decider(encode_tbs)
LOG_KEY = log_key.decider
PRINCIPAL = principal.decider
PROFILE = profile.decider
KEY_COMPROMISE = key_compromise.decider
SIGNING_REQUEST = signing_request.decider
