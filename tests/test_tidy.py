"""House rules that no linter knows: sizes, names, docstrings, and a reason beside every exemption."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("es_pki", "eventlog") for path in (ROOT / top).rglob("*.py"))
TEXTS = sorted(path for top in ("es_pki", "eventlog", "tests", "bench", "docs") for path in (ROOT / top).rglob("*.py"))
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}

by_path = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
every_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@every_text
def test_a_file_fits_into_a_head(path):
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in NAMELESS


@every_text
def test_a_function_fits_onto_a_screen(path):
    for function in functions(ast.parse(path.read_text())):
        assert function.end_lineno - function.lineno < 50, function.name


@by_path
def test_a_module_and_everything_public_in_it_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body
    public = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for node in (*public, *public_functions(tree)):
        assert ast.get_docstring(node) or is_property_of_a_protocol(node), f"{path}:{node.lineno} {node.name}"


def public_functions(tree):
    """Yield what others may call: functions of the module, and methods of its public classes."""
    places = [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_"))]
    for place in places:
        for node in place.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node


def is_property_of_a_protocol(node):
    return isinstance(node, ast.FunctionDef) and ast.unparse(node.body[0]) == "..."


@every_text
def test_an_exemption_has_its_reason_beside_it(path):
    if path == Path(__file__):
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if "# noqa" in line:
            assert re.search(r"# noqa: [A-Z0-9, ]+ [-#] \S", line), f"{number}: {line}"
        if "type: ignore" in line:
            assert re.search(r"type: ignore\[[a-z-]+\] # \S", line), f"{number}: {line}"
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", line), f"{number}: {line}"


def test_exemptions_of_the_configuration_have_their_reasons():
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("\nignore = [") : text.index("\n[tool.ruff.lint.mccabe]")]
    for line in section.splitlines()[2:-2]:
        assert "#" in line, line


def test_no_test_is_skipped():
    """A peer that is missing is a failure."""
    for path in TEXTS:
        if path != Path(__file__):
            assert not re.search(r"pytest\.(skip|mark\.(skip|skipif|xfail)|importorskip)", path.read_text()), path


@pytest.mark.parametrize("path", sorted((ROOT / "es_pki" / "commands").glob("*.py")), ids=lambda path: path.stem)
def test_an_aggregate_reads_like_every_other(path):
    text = path.read_text()
    if "Decider(" not in text:
        return
    sections = re.findall(r"^# ([A-Z][a-z ]+)$", text, re.MULTILINE)
    assert sections == ["Commands", "Refusals", "State", "Decide", "The aggregate"]


@pytest.mark.parametrize("path", sorted((ROOT / "es_pki" / "projections").glob("*.py")), ids=lambda path: path.stem)
def test_a_view_reads_like_every_other(path):
    if path.stem in {"__init__", "view"}:
        return
    names = [
        node.targets[0].id if isinstance(node, ast.Assign) else node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.ClassDef | ast.FunctionDef)
    ]
    wanted = [name for name in ("NAME", "VERSION", "Row", "key", "evolve", "view") if name in names]
    assert [name for name in names if name in wanted] == wanted
    assert {"NAME", "VERSION", "Row", "evolve", "view"} <= set(names)


def test_one_word_per_thing():
    """The RFC's word, never the short one."""
    for path in SOURCES:
        for function in functions(ast.parse(path.read_text())):
            for argument in (*function.args.args, *function.args.kwonlyargs):
                assert not re.search(r"(^|_)(cert|crt|pubkey|privkey|sans?|cn)(_|$)", argument.arg), argument.arg


def test_the_locks_name_no_address_and_pin_every_package_by_hash():
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[a-z0-9._-]+==", requirement), requirement
            assert "--hash=sha256:" in requirement, requirement


def test_dependencies_are_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {re.split(r"[<>=\[]", name)[0] for name in project["dependencies"]} <= locked
