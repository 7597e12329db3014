"""The calendar as text."""

from es_pki.adapters.cli.months import months


def row(at, name, what="expiry"):
    return {"at": at, "kind": "certificate", "name": name, "what": what}


def test_the_pages_of_a_calendar_mark_the_days_and_tell_what_ends():
    rows = [
        row("2026-02-01T00:00:00Z", "a"),
        row("2026-02-28T23:59:59Z", "b", "revocation"),
        row("2027-05-03T12:00:00Z", "c"),
    ]
    february = """\
      February 2026
Mo  Tu  We  Th  Fr  Sa  Su
                         1*
 2   3   4   5   6   7   8
 9  10  11  12  13  14  15
16  17  18  19  20  21  22
23  24  25  26  27  28*

  01  certificate a expires
  28  certificate b is revoked in its earlier version
"""
    pages = "\n".join(months(rows))
    assert pages.startswith(february), pages
    assert "         May 2027" in pages
    assert list(months([])) == []


def test_the_command_line_shows_them(es_pki):
    shown = es_pki("calendar", "--months")
    assert (shown.status, "Mo  Tu  We" in shown.text) == (0, True)
    assert "authority root expires" in shown.text
    assert es_pki("calendar", "--months", "--json").json["items"]
    assert "root" not in es_pki("calendar", "--owner", "nobody").text
