"""Distinguished names, from the options that spell them."""

from argparse import Namespace


def subject_of(arguments: Namespace) -> dict[str, str | list[str]]:
    """Return the subject: attributes by name, several values of one as a list."""
    told = [("common_name", arguments.common_name), ("organization", arguments.organization_name)]
    told += arguments.attributes or []
    gathered: dict[str, list[str]] = {}
    for name, value in told:
        if value is not None:
            gathered.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in gathered.items()}
