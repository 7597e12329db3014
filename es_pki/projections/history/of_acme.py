"""What the events of ACME accounts, orders and renewals are about."""

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountEvent,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
    ACMETestAccountNamed,
)
from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderEvent,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.acme_renewal import ACMERenewalEvent, ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned


def of_acme(event: ACMEAccountEvent | ACMEOrderEvent | ACMERenewalEvent) -> str:
    """Say what it is about; the type checker names a forgotten event."""
    if isinstance(event, ACMEAccountEvent):
        return _of_acme_account(event)
    if isinstance(event, ACMEOrderEvent):
        return _of_acme_order(event)
    return _of_acme_renewal(event)


def _of_acme_account(event: ACMEAccountEvent) -> str:
    match event:
        case ACMEAccountPrepared():
            return f"{event.name}: {event.directory}"
        case ACMEAccountRegistered():
            return event.url
        case ACMEAccountKeyPrepared():
            return event.key_type.value
        case ACMEAccountKeyRolledOver():
            return f"key {event.key_id}"
        case ACMERegistrationFailed() | ACMEKeyRollOverFailed():
            return f"{event.problem.type}: {event.problem.detail}"
        case ACMETestAccountNamed():
            return f"rehearsals with the account {event.test_account_id}" if event.test_account_id else "no rehearsals"
        case ACMEDeactivationRequested():
            return event.reason
        case ACMEAccountDeactivated():
            return "closed"


def _of_acme_order(event: ACMEOrderEvent) -> str:
    match event:
        case ACMEOrderPlaced():
            names = (*event.subject_alt_names.dns_names, *event.subject_alt_names.ip_addresses)
            return f"{event.name}: {', '.join(names)}"
        case ACMEOrderCreated():
            return event.url
        case ACMEChallengePresented():
            return f"{event.identifier}: {event.type}"
        case ACMEChallengeSeen() | ACMEAuthorizationValidated() | ACMEChallengeCleanedUp():
            return event.authorization
        case ACMEOrderFinalized():
            return "the directory has the CSR"
        case ACMECertificateObtained():
            return f"version {event.version}"
        case ACMERehearsalPassed():
            return "an order would come to its end"
        case ACMEOrderMoved():
            return f"on with the account {event.account_id}: {event.problem.type}: {event.problem.detail}"
        case ACMEOrderHindered() | ACMEOrderFailed():
            return f"{event.problem.type}: {event.problem.detail}"
        case ACMEOrderAbandoned():
            return event.reason


def _of_acme_renewal(event: ACMERenewalEvent) -> str:
    match event:
        case ACMERenewalPlanned():
            return f"{event.name}: version {event.version} at {event.at:%F %T}Z"
        case ACMERenewalFailed():
            return f"version {event.version}: {event.problem.type}: {event.problem.detail}"
        case ACMERenewalMissed():
            return f"version {event.version} ended at {event.not_after:%F %T}Z"
