"""Pages of the audit trail, over more records than a page of the log holds."""

from es_pki.adapters.http.events import some_after
from eventlog import NewEvent, Write, paging
from eventlog.memory import MemoryLog


async def test_a_page_that_ends_where_the_logs_own_ends_knows_that_there_is_more(monkeypatch):
    monkeypatch.setattr(paging, "FILTERED_SPAN", 4)
    log = await MemoryLog.open()
    events = tuple(NewEvent("rare.v1" if number % 2 else "usual.v1", b"{}") for number in range(12))
    await log.append([Write("stream-1", 0, events)])
    found, after = [], 0
    while len(page := await some_after(log, after, frozenset({"rare.v1"}), more_than=2)) > 2:
        found += page[:2]
        after = found[-1].position
    assert [record.position for record in found + page] == [2, 4, 6, 8, 10, 12]
