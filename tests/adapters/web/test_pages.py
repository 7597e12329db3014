"""The pages: files of a fixed set, under a policy that lets nothing else in."""

import re
from importlib.resources import files

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from es_pki.adapters.web import pages


@pytest.fixture
async def client():
    application = web.Application()
    application.router.add_get("/", pages.index)
    application.router.add_get("/docs", pages.docs)
    application.router.add_get("/assets/{name}", pages.asset)
    async with TestClient(TestServer(application)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/assets/{name}" for name in sorted(pages.ASSETS))])
async def test_every_file_comes_under_the_strict_policy(client, path):
    response = await client.get(path)
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert not any("unsafe" in rule for rule in policy)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", ["index.html", "pages.py", "..%2fpages.py", "none.js"])
async def test_nothing_else_is_served(client, name):
    assert (await client.get(f"/assets/{name}")).status == 404


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_load_only_what_is_served_and_hold_no_script_or_style(client, path):
    page = await (await client.get(path)).text()
    loaded = set(re.findall(r"/assets/([\w.]+)", page))
    assert loaded
    assert loaded <= pages.ASSETS
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src=)|https?://", page)


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_every_field_has_a_label_and_every_label_a_field(page):
    text = files(pages.__package__).joinpath(page).read_text()
    fields = re.findall(r"<(?:input|select|textarea)[^>]* id=\"([\w-]+)\"", text)
    assert sorted(re.findall(r"<label for=\"([\w-]+)\"", text)) == sorted(fields)
    assert len(re.findall(r"<(?:input|select|textarea)\b", text)) == len(fields)


@pytest.mark.parametrize("script", sorted(name for name in pages.ASSETS if name.endswith(".js")))
def test_scripts_never_parse_data_as_html_and_keep_no_token_beyond_the_tab(script):
    text = files(pages.__package__).joinpath(script).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage|cookie", text)
    assert "http://" not in text
    assert "https://" not in text
