"""Requests about profiles."""

from es_pki.adapters.intake.aggregates import Handled
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import PROFILE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import DefineProfile, ProfileRequest, RetireProfile
from es_pki.commands import profile
from es_pki.commands.names import is_own_name
from es_pki.commands.profile import ProfileCommand, State, check_is_added
from es_pki.events.profile import ProfileEvent


async def take(office: Office, request: ProfileRequest, asked: Asked) -> Answer:
    """Do what was asked."""
    match request:
        case DefineProfile():
            return await define(office, request, asked)
        case RetireProfile():
            return await retire(office, request, asked)


async def define(office: Office, request: DefineProfile, asked: Asked) -> Answer:
    """Define a profile, or its next version."""
    check_is_added(request.name)
    is_name = is_own_name(request.name)
    owner = await office.aggregates.owner(f"profile_name-{request.name}", for_ever=True) if is_name else None
    profile_id = owner or asked.new_id()

    async def command() -> ProfileCommand:
        return profile.DefineProfile(request.name, request.terms)

    handled = await office.aggregates.handle(PROFILE, profile_id, command, actor=asked.caller.name)
    return _answer(profile_id, handled)


async def retire(office: Office, request: RetireProfile, asked: Asked) -> Answer:
    """Have nothing made under a profile any more."""
    check_is_added(request.profile)
    profile_id = await office.profile_id(request.profile)

    async def command() -> ProfileCommand:
        return profile.RetireProfile(request.reason)

    handled = await office.aggregates.handle(PROFILE, profile_id, command, actor=asked.caller.name)
    return _answer(profile_id, handled)


def _answer(profile_id: str, handled: Handled[State, ProfileEvent]) -> Answer:
    defined = handled.state.defined
    return Answer(
        position=handled.position,
        stream=PROFILE.stream(profile_id),
        events=answered(handled.events),
        result={
            "profile_id": profile_id,
            "name": defined.name if defined else None,
            "version": defined.version if defined else None,
        },
    )
