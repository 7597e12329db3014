"""What holds of every aggregate: evolve is total, whatever events come in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from es_pki.events.acme_account import ACMEAccountEvent
from es_pki.events.acme_order import ACMEOrderEvent
from es_pki.events.acme_renewal import ACMERenewalEvent
from es_pki.events.authority import AuthorityEvent
from es_pki.events.certificate import CertificateEvent
from es_pki.events.dns_provider import DNSProviderEvent
from es_pki.events.key_compromise import KeyCompromiseEvent
from es_pki.events.log_key import LogKeyEvent
from es_pki.events.notice import NoticeEvent
from es_pki.events.notice_channel import NoticeChannelEvent
from es_pki.events.ocsp_responder import OCSPResponderEvent
from es_pki.events.principal import PrincipalEvent
from es_pki.events.profile import ProfileEvent
from es_pki.events.revocation_list import RevocationListEvent
from es_pki.events.service import ServiceEvent
from es_pki.events.signing_request import SigningRequestEvent
from es_pki.events.trust_store import TrustStoreEvent
from tests.events import strategies
from tests.spec import encode

AGGREGATES = [
    (acme_account.decider, ACMEAccountEvent),
    (acme_order.decider, ACMEOrderEvent),
    (acme_renewal.decider, ACMERenewalEvent),
    (authority.decider(encode), AuthorityEvent),
    (certificate.decider(encode), CertificateEvent),
    (dns_provider.decider, DNSProviderEvent),
    (log_key.decider, LogKeyEvent),
    (notice.decider, NoticeEvent),
    (notice_channel.decider, NoticeChannelEvent),
    (ocsp_responder.decider(encode), OCSPResponderEvent),
    (principal.decider, PrincipalEvent),
    (profile.decider, ProfileEvent),
    (key_compromise.decider, KeyCompromiseEvent),
    (revocation_list.decider, RevocationListEvent),
    (service.decider, ServiceEvent),
    (signing_request.decider, SigningRequestEvent),
    (trust_store.decider, TrustStoreEvent),
]


@pytest.mark.parametrize(("decider", "events"), AGGREGATES, ids=lambda part: getattr(part, "category", ""))
@given(data=st.data())
def test_evolve_never_fails_and_is_deterministic(decider, events, data):
    state = decider.initial
    for event in data.draw(st.lists(strategies.of(events), max_size=6)):
        after = decider.evolve(state, event)
        assert decider.evolve(state, event) == after
        decider.reservations(event, "018f0000-0000-7000-8000-000000000001")
        state = after
