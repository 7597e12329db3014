"""The aggregates, put together with the encoder of to-be-signed certificates, whose outcome is linted."""

from es_pki.adapters.lint import linted
from es_pki.adapters.x509.encode import encode_tbs
from es_pki.commands import (
    acme_account,
    acme_order,
    acme_renewal,
    authority,
    certificate,
    dns_provider,
    key_compromise,
    log_key,
    notice,
    notice_channel,
    ocsp_responder,
    principal,
    profile,
    revocation_list,
    service,
    signing_request,
    trust_store,
)

_ENCODE = linted(encode_tbs)

ACME_ACCOUNT = acme_account.decider
ACME_ORDER = acme_order.decider
ACME_RENEWAL = acme_renewal.decider
AUTHORITY = authority.decider(_ENCODE)
CERTIFICATE = certificate.decider(_ENCODE)
DNS_PROVIDER = dns_provider.decider
LOG_KEY = log_key.decider
NOTICE = notice.decider
NOTICE_CHANNEL = notice_channel.decider
OCSP_RESPONDER = ocsp_responder.decider(_ENCODE)
PRINCIPAL = principal.decider
PROFILE = profile.decider
KEY_COMPROMISE = key_compromise.decider
REVOCATION_LIST = revocation_list.decider
SERVICE = service.decider
SIGNING_REQUEST = signing_request.decider
TRUST_STORE = trust_store.decider
