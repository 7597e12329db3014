"""Database URLs that name several hosts: `postgresql://one:5432,two:5432/name`."""

from urllib.parse import urlsplit


def hosts(url: str) -> tuple[str, ...]:
    """Return a URL for each host, in their order, to be tried one after the other, each with a patience of its own.

    A host that is gone without a word would otherwise use up the time for all. Only a server that can be written to
    will do (`target_session_attrs=read-write`), unless the URL says something else.
    """
    parts = urlsplit(url)
    user, at, several = parts.netloc.rpartition("@")
    query = parts.query
    if "target_session_attrs=" not in query:
        query = f"{query}&target_session_attrs=read-write".removeprefix("&")
    return tuple(parts._replace(netloc=f"{user}{at}{host}", query=query).geturl() for host in several.split(","))
