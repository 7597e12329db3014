"""What may happen to channels and notices, drawn."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

from es_pki.events.codec import Event
from es_pki.events.notice import NoticeBegun, NoticeFailed, NoticeSent
from es_pki.events.notice_channel import NoticeChannelAdded, NoticeChannelRemoved, NoticeSecretReplaced
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values.notices import Apprise, NoticeKind, Occasion, Webhook

AGAIN = datetime(2026, 5, 3, 12, 1, tzinfo=UTC)


def notice_channel_life(stream: str, number: int, random: Random) -> Iterator[tuple[str, Event]]:
    """Yield the events of a channel: added, perhaps given another secret, perhaps removed."""
    name = f"channel-{number}"
    settings = random.choice([Webhook("https://hooks.example.test/"), Apprise()])
    yield stream, NoticeChannelAdded(name, settings, b"digest", secret_id=f"key-{number}")
    yield f"notice_channel_name-{name}", NameReserved(stream)
    if random.random() < 0.5:
        yield stream, NoticeSecretReplaced(f"next-{number}", f"wish-{number}", (f"key-{number}",))
    if random.random() < 0.2:
        yield stream, NoticeChannelRemoved(name, "moved", (f"key-{number}",))
        yield f"notice_channel_name-{name}", NameReleased(stream)


def notice_life(stream: str, new_id: Callable[[], str], random: Random) -> Iterator[tuple[str, Event]]:
    """Yield the events of a notice: begun until it is sent, or given up."""
    occasion = Occasion(random.choice(list(NoticeKind)), new_id(), "www", 2, "www expires", "soon", "14")
    channel_id = new_id()
    for attempt in range(1, random.randrange(2, 5)):
        yield stream, NoticeBegun(channel_id, "operators", occasion, attempt)
        if random.random() < 0.3:
            yield stream, NoticeSent(attempt)
            return
        yield stream, NoticeFailed(attempt, "no connection", random.choice([None, AGAIN]))
