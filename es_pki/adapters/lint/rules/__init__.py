"""The rules: one small function each, named after what it requires; its docstring begins with the section it is from.

A rule reads a certificate taken apart and yields what is wrong with it and what to do. It never raises.
"""

from collections.abc import Callable, Iterator

from es_pki.adapters.lint.certificate import Certificate
from es_pki.adapters.lint.rules import (
    alternative_names,
    authorities,
    extensions,
    fields,
    identifiers,
    keys,
    names,
    pointers,
    purposes,
)

Rule = Callable[[Certificate], Iterator[str]]

ERRORS: tuple[Rule, ...] = (
    *fields.ERRORS,
    *names.ERRORS,
    *keys.ERRORS,
    *extensions.ERRORS,
    *authorities.ERRORS,
    *identifiers.ERRORS,
    *purposes.ERRORS,
    *alternative_names.ERRORS,
    *pointers.ERRORS,
)
"""What a certificate that breaks one of these says, some verifier refuses or reads otherwise: a MUST is broken."""

WARNINGS: tuple[Rule, ...] = (
    *names.WARNINGS,
    *keys.WARNINGS,
    *extensions.WARNINGS,
    *identifiers.WARNINGS,
    *purposes.WARNINGS,
    *alternative_names.WARNINGS,
    *pointers.WARNINGS,
)
"""What is better done otherwise: a SHOULD is not followed."""


def section_of(rule: Rule) -> str:
    """Return where a rule comes from."""
    return (rule.__doc__ or "").partition(":")[0]


def meaning_of(rule: Rule) -> str:
    """Return what a rule requires, in one sentence."""
    return (rule.__doc__ or "").partition("\n\n")[0].partition(": ")[2]
