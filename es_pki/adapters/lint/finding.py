"""What a linter says of a certificate."""

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much a finding matters: an error breaks a MUST, a warning a SHOULD; a notice is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Linter(StrEnum):
    """Who found it: the rules of es-pki, or pkilint."""

    OWN = "es-pki"
    PKILINT = "pkilint"


class Finding(Struct, frozen=True):
    """One rule that a certificate doesn't keep: its name, the section that it comes from, and what to do."""

    severity: Severity
    linter: Linter
    rule: str
    section: str
    detail: str
