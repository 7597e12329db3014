"""What is wrong with a certificate, said by rules of our own before it is signed, and by pkilint beside."""

from es_pki.adapters.lint.finding import Finding, Linter, Severity
from es_pki.adapters.lint.own import LintFailed, lint, linted
from es_pki.adapters.lint.second_opinion import SecondOpinion

__all__ = ["Finding", "LintFailed", "Linter", "SecondOpinion", "Severity", "lint", "linted"]
