"""How much a validation may cost, whatever it is given: nothing that somebody sends keeps a validator busy."""

from msgspec import Struct

DEPTH = 10
"""Certificates of a path below its trust anchor."""

PATHS = 1_000
SIGNATURES = 200
COMPARISONS = 1 << 20
ENTRIES = 50_000


class Exhausted(Exception):
    """The budget is used up; `what` names the part of it. It becomes a finding and never leaves the validator."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Budget(Struct):
    """What is left: candidate paths, signature checks, comparisons of names and policies, entries of CRLs read singly.

    A signature by a kind of key that takes longer to check counts several times; `checked` remembers what was, by
    signature, data and key. Every `spend_…` raises `Exhausted`.
    """

    paths: int = PATHS
    signatures: int = SIGNATURES
    comparisons: int = COMPARISONS
    entries: int = ENTRIES
    checked: dict[tuple[bytes, bytes, bytes], bool] = {}

    def spend_path(self) -> None:
        """Count a candidate path."""
        self.paths -= 1
        if self.paths < 0:
            raise Exhausted(f"{PATHS} candidate paths were tried")

    def spend_signatures(self, count: int) -> None:
        """Count a signature check."""
        self.signatures -= count
        if self.signatures < 0:
            raise Exhausted(f"{SIGNATURES} signatures were checked")

    def spend_comparisons(self, count: int) -> None:
        """Count comparisons of names or policies."""
        self.comparisons -= count
        if self.comparisons < 0:
            raise Exhausted(f"{COMPARISONS} names were compared")

    def spend_entries(self, count: int) -> None:
        """Count entries of a CRL that have to be read one by one."""
        self.entries -= count
        if self.entries < 0:
            raise Exhausted(f"{ENTRIES} entries of CRLs were read")
