"""The documents: generated ones are up to date, written ones name what exists, nothing public is left out."""

import re
from pathlib import Path

import msgspec
import pytest

from docs import generate
from es_pki.adapters.cli.options import SETTINGS
from es_pki.adapters.cli.parser import VERBS
from es_pki.adapters.http.routes import ROUTES
from es_pki.adapters.intake.requests import REQUESTS
from es_pki.config import Settings
from es_pki.decider import Refused
from es_pki.events.codec import EVENT_TYPES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"]
WRITTEN = [path for path in DOCUMENTS if path.name not in generate.FILES]
SECRETS = {"database_url", "master_passphrase", "data_dir"}

by_name = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@pytest.mark.parametrize("name", generate.FILES)
def test_the_generated_documents_are_up_to_date(name):
    assert (ROOT / "docs" / name).read_text() == generate.FILES[name](), "run make docs"


@by_name
def test_every_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)
def test_every_path_and_test_that_is_named_exists(document):
    text = document.read_text()
    for path in re.findall(r"`((?:es_pki|eventlog|tests|docs|bench)/[\w./-]*)`", text):
        assert (ROOT / path).exists() or re.search("[A-Z]{4}", path), path
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, name


def test_every_event_command_route_and_verb_is_documented():
    reference = (ROOT / "docs" / "REFERENCE.md").read_text()
    events = (ROOT / "docs" / "EVENTS.md").read_text()
    assert [name for name in EVENT_TYPES if f"`{name}`" not in events] == []
    assert [request.__name__ for request in REQUESTS if f"### {request.__name__}\n" not in reference] == []
    assert [route.path for route in ROUTES if f" {route.path}`" not in reference] == []
    assert [verb.words for verb in VERBS if f"`es-pki {verb.words}`" not in reference] == []


def test_every_command_has_a_verb():
    """Each request is sent by a module of the command line."""
    verbs = "".join(path.read_text() for path in (ROOT / "es_pki/adapters/cli/verbs").glob("*.py"))
    assert [r.__name__ for r in REQUESTS if not re.search(rf"send\(\s*{r.__name__}\b", verbs)] == []


def test_every_setting_is_described_and_can_be_given_unless_it_is_a_secret():
    described = set(re.findall(r"`(\w+)`", str(Settings.__doc__)))
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert fields <= described
    options = {option.flags[-1].removeprefix("--").replace("-", "_") for option in SETTINGS}
    assert options == fields - SECRETS


def refusals(family=Refused):
    for refusal in family.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def test_every_refusal_says_what_to_do():
    """Its docstring, one sentence about what it means and another about what to do, is the manual."""
    for refusal in refusals():
        if refusal.__module__.startswith("es_pki"):
            assert refusal.__doc__, refusal
            assert len(re.findall(r"[.:] ?", refusal.__doc__.strip())) >= 2, refusal
