"""Profiles that an administrator adds: defined, defined anew version by version, retired. Some are built in besides."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.built_in import BUILT_IN
from es_pki.commands.lineage import check_reason
from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import ProfileMissing, RulesBroken, taken
from es_pki.commands.terms import terms_violations
from es_pki.decider import Decider, Kind, Refused, Reservation, Violation
from es_pki.events.profile import ProfileDefined, ProfileEvent, ProfileRetired
from es_pki.events.reservation import NameReserved
from es_pki.values.profile import Profile, ProfileTerms

CATEGORY = "profile"


# Commands


class DefineProfile(Struct, frozen=True):
    """Make certificates under these terms from now on: a new profile, or the next version of one that is there."""

    name: str
    terms: ProfileTerms


class RetireProfile(Struct, frozen=True):
    """Make nothing under the profile any more."""

    reason: str


ProfileCommand = DefineProfile | RetireProfile


# Refusals


class BuiltInProfile(Refused):
    """The profile is built in: its terms come with es-pki, and nobody changes or retires it. Define another name."""

    kind = Kind.CLASHING


class AlreadyRetired(Refused):
    """The profile was retired: nothing is made under it. Choose another, or define it anew."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a profile read: its newest terms, and why it was retired (None: it wasn't)."""

    defined: ProfileDefined | None = None
    retired: str | None = None


def evolve(state: State, event: ProfileEvent) -> State:
    """Fold one event."""
    match event:
        case ProfileDefined():
            return State(defined=event)
        case ProfileRetired(reason=reason):
            return replace(state, retired=reason)


def profile_of(state: State, *, profile_id: str, version: int) -> Profile:
    """Return the profile as those see it who make certificates under it; `version` is its stream's.

    Raises `ProfileMissing` and `AlreadyRetired`.
    """
    defined = _defined(state)
    if state.retired is not None:
        detail = f"the profile {defined.name} was retired: {state.retired}".removesuffix(": ")
        raise AlreadyRetired(detail, Violation("profile", "nothing is made under a retired profile", detail))
    return Profile(defined.name, defined.version, defined.terms, profile_id, version)


def check_is_added(name: str) -> None:
    """Raise `BuiltInProfile` for the name of a profile that is built in."""
    if name in BUILT_IN:
        detail = f"{name} is built in, with {', '.join(other for other in BUILT_IN if other != name)}"
        raise BuiltInProfile(detail, Violation("name", "built-in profiles stay as they are", detail))


# Decide


def decide(command: ProfileCommand, state: State) -> list[ProfileEvent]:
    """Turn a command into events."""
    match command:
        case DefineProfile():
            return _define(command, state)
        case RetireProfile():
            return _retire(command, state)


def _define(command: DefineProfile, state: State) -> list[ProfileEvent]:
    before = state.defined
    name = before.name if before else command.name
    check_is_added(name)
    if before is not None and state.retired is None and before.terms == command.terms:
        return []
    RulesBroken.if_any([*own_name_violations(name), *terms_violations(command.terms)])
    return [ProfileDefined(name, before.version + 1 if before else 1, command.terms)]


def _retire(command: RetireProfile, state: State) -> list[ProfileEvent]:
    _defined(state)
    if state.retired is not None:
        return []
    check_reason(command.reason)
    return [ProfileRetired(command.reason)]


def _defined(state: State) -> ProfileDefined:
    if state.defined is None:
        detail = f"there is no such profile; built in are {', '.join(BUILT_IN)}"
        raise ProfileMissing(detail, Violation("profile", "profiles are named", detail))
    return state.defined


# The aggregate


def reservations(event: ProfileEvent, profile_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the profile: its name, for ever."""
    match event:
        case ProfileDefined(version=1, name=name):
            return (Reservation(f"profile_name-{name}", NameReserved(profile_id), taken("name", name, CATEGORY)),)
        case _:
            return ()


ProfileDecider = Decider[ProfileCommand, State, ProfileEvent]

decider: ProfileDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
