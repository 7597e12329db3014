"""Which services use a certificate: kept in its own stream, so that its end and its uses are decided on one state.

Each is recorded in the same append as what the service's stream says of it.
"""

from msgspec import Struct

from es_pki.commands.lineage import State, check_is_there
from es_pki.events.certificate import CertificateEvent, UseBegun, UseEnded


class BeginUse(Struct, frozen=True):
    """Have a service (its id and name) use the certificate, perhaps only when its own one ends."""

    service_id: str
    service: str
    as_fallback: bool


class EndUse(Struct, frozen=True):
    """Have a service use the certificate no more."""

    service_id: str


UsageCommand = BeginUse | EndUse


def decide(command: UsageCommand, state: State) -> list[CertificateEvent]:
    """Turn a command into events. Raises `AlreadyDeleted`."""
    match command:
        case BeginUse():
            return _begin(command, state)
        case EndUse():
            return _end(command, state)


def _begin(command: BeginUse, state: State) -> list[CertificateEvent]:
    check_is_there(state)
    use = UseBegun(command.service_id, command.service, command.as_fallback)
    return [] if state.uses.get(command.service_id) == use else [use]


def _end(command: EndUse, state: State) -> list[CertificateEvent]:
    return [UseEnded(command.service_id)] if command.service_id in state.uses else []
