"""The metrics, read by Prometheus's own parser."""

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from es_pki.adapters.http import counts
from es_pki.adapters.http.exposition import Metric, MetricType, Sample, exposition
from es_pki.adapters.http.parts import PARTS
from tests.ocsp import ask, issued, question
from tests.serving import wait_for


def read(text):
    """Return the values by name and labels."""
    families = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(values) == len(samples), "a series is told twice"
    return values


def scraped(server):
    reply = server.get("/metrics")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return read(reply.body.decode())


def value(server, name, **labels):
    return scraped(server)[name, frozenset(labels.items())]


async def scraped_inside(client):
    reply = await client.get("/metrics")
    assert reply.status == 200
    return read(await reply.text())


def missing(values):
    """Return the parts that are missing."""
    return {dict(labels)["part"] for (name, labels), is_missing in values.items() if "missing" in name and is_missing}


def list_of(server, authority):
    """Return the labels of an authority's list, as the metrics name them."""
    return {"authority_id": server.get(f"/api/v1/authorities/{authority}").json["id"], "crl_shard": "0"}


def test_everything_is_told_and_has_a_type_and_a_help_text(server):
    families = list(text_string_to_metric_families(server.get("/metrics").body.decode()))
    assert all(family.name.startswith("es_pki_") and family.documentation for family in families)
    assert {family.type for family in families} == {"gauge", "counter"}
    assert all(math.isfinite(sample.value) for family in families for sample in family.samples)
    assert missing(scraped(server)) == set()


def test_a_revocation_makes_the_crl_newer_longer_and_larger(server):
    issued(server, "metrics-revoked")
    labels = list_of(server, "intermediate")
    names = ("number", "entries", "size_bytes")
    series = [(f"es_pki_crl_{name}", frozenset(labels.items())) for name in names]
    before = scraped(server)
    server.done("RevokeCertificate", certificate="metrics-revoked")
    wait_for(lambda: value(server, "es_pki_crl_entries", **labels) > before[series[1]])
    after = scraped(server)
    assert [after[each] > before[each] for each in series] == [True] * 3
    this_update, next_update = (
        [values[f"es_pki_crl_{name}_update_timestamp_seconds", series[0][1]] for values in (before, after)]
        for name in ("this", "next")
    )
    assert this_update[0] <= this_update[1] < next_update[1]  # whole seconds: two CRLs may be of the same one


def test_an_authority_is_named_where_its_lists_have_its_id(server):
    labels = list_of(server, "intermediate")
    info = {"authority_id": labels["authority_id"], "authority": "intermediate", "status": "active"}
    assert value(server, "es_pki_authority_info", **info) == 1


def test_a_question_raises_the_counter_of_its_answer(server):
    about = issued(server, "metrics-asked")
    good, kept = (
        ("es_pki_ocsp_answers_total", frozenset({("status", "good")})),
        ("es_pki_ocsp_kept_answers_total", frozenset()),
    )
    before = scraped(server)
    ask(server, question(about))
    ask(server, question(about))
    after = scraped(server)
    assert after[good] == before[good] + 2
    assert after[kept] == before[kept] + 1


def test_what_is_no_question_is_counted_as_malformed(server):
    labels = {"status": "malformed_request"}
    before = value(server, "es_pki_ocsp_answers_total", **labels)
    ask(server, b"nothing")
    assert value(server, "es_pki_ocsp_answers_total", **labels) == before + 1


def test_the_log_s_size_is_told(server):
    before = value(server, "es_pki_log_events")
    issued(server, "metrics-log")
    assert value(server, "es_pki_log_events") > before


async def issue(client, name, days):
    body = {"name": name, "authority": "intermediate", "dns_names": ["localhost"], "validity_days": days}
    reply = await client.post("/api/v1/commands/IssueCertificate", json=body)
    assert reply.status == 200, await reply.text()
    position = (await reply.json())["position"]
    assert (await client.get(f"/api/v1/certificates?at_least={position}")).status == 200


async def test_certificates_are_counted_by_status_and_by_when_they_expire(inside, monkeypatch):
    monkeypatch.setattr(counts, "HOLDS", counts.HOLDS * 0)
    issued_, within = frozenset({("status", "issued")}), "es_pki_expiries"
    soon, later = (frozenset({("kind", "certificate"), ("within_days", days)}) for days in ("7", "30"))
    before = await scraped_inside(inside)
    await issue(inside, "week", 5)
    await issue(inside, "month", 20)
    await issue(inside, "quarter", 60)
    after = await scraped_inside(inside)
    assert after["es_pki_certificates", issued_] == before["es_pki_certificates", issued_] + 3
    assert (after[within, soon], after[within, later]) == (before[within, soon] + 1, before[within, later] + 2)


async def test_what_was_counted_is_told_for_a_minute(inside, wall_clock):
    issued_ = "es_pki_certificates", frozenset({("status", "issued")})
    before = await scraped_inside(inside)
    await issue(inside, "uncounted", 5)
    assert (await scraped_inside(inside))[issued_] == before[issued_]
    wall_clock.days = 1
    assert (await scraped_inside(inside))[issued_] == before[issued_] + 1


async def test_too_many_to_be_counted_are_left_out(inside, monkeypatch):
    monkeypatch.setattr(counts, "MOST_COUNTED", 1)
    monkeypatch.setattr(counts, "PAGE", 1)
    await issue(inside, "one", 5)
    await issue(inside, "two", 5)
    values = await scraped_inside(inside)
    names = {name for name, _ in values}
    assert "es_pki_certificates" not in names
    assert {"es_pki_services", "es_pki_acme_renewals", "es_pki_crls_due"} <= names
    assert missing(values) == set()


async def test_what_can_not_be_read_is_left_out_and_the_rest_is_told(inside):
    await scraped_inside(inside)  # whose token it is, is known from now on
    await inside.app[PARTS].views.close()
    values = await scraped_inside(inside)
    assert missing(values) >= {"authorities", "log"}
    assert ("es_pki_ocsp_kept_answers_total", frozenset()) in values


@pytest.mark.parametrize("text", ["plain", 'quoted "x"', "back\\slash", "two\nlines", "\\n", "ümläut"])
def test_whatever_a_label_says_is_read_as_it_was_written(text):
    metric = Metric("es_pki_x_total", f"About {text}", [Sample(1.5, {"a": text, "b": ""})], MetricType.COUNTER)
    (family,) = text_string_to_metric_families(exposition([metric]))
    assert (family.type, family.documentation) == ("counter", f"About {text}")
    assert (family.samples[0].labels, family.samples[0].value) == ({"a": text, "b": ""}, 1.5)
