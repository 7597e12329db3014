"""What can go wrong with DNS. Whoever catches `DNSFailed` has all of it."""

LONGEST_DETAIL = 500


class DNSFailed(Exception):
    """A name could not be asked for or a record not be written. The text holds no secret.

    `is_final`: it will fail again until an administrator has changed something.
    """

    def __init__(self, detail: str, *, is_final: bool = False) -> None:
        self.detail = detail[:LONGEST_DETAIL]
        self.is_final = is_final
        super().__init__(self.detail)


class NoProvider(DNSFailed):
    """No DNS provider answers for a name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no DNS provider answers for {name}: add one for its zone", is_final=True)
