# make serve · make test · make check: the rest are their parts.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --no-header pyproject.toml --extra build

.PHONY: help install serve test optional check format lint types contracts lock docs bench clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / — /'

$(VENV)/.runtime: requirements.lock pyproject.toml
	@.ci/system-packages runtime
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@.ci/system-packages tests
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

install: $(VENV)/.runtime ## create .venv with .venv/bin/es-pki

serve: $(VENV)/.runtime ## set up (once) and run es-pki on ./es-pki-data
	$(BIN)/es-pki serve

test: $(VENV)/.dev ## install what tests need and run every test
	$(BIN)/python -m pytest -n 2

optional: $(VENV)/.dev ## run the tests of servers that are large, or need root and fixed ports
	.ci/system-packages optional
	$(BIN)/python -m pytest -m optional tests/optional

check: lint types contracts test ## format check, ruff, mypy, import contracts, tests

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## write docs/EVENTS.md, ERRORS.md and REFERENCE.md anew from the code
	$(BIN)/python -m docs.generate

lock: $(VENV)/.dev ## pin the newest allowed versions
	$(LOCK) --upgrade -o requirements.lock
	$(LOCK) --upgrade --extra dev -o requirements-dev.lock
	$(LOCK) --upgrade --extra bench -o requirements-bench.lock

bench: $(VENV)/.bench ## compare with named rivals, in one run each
	$(BIN)/python -m bench.log
	$(BIN)/python -m bench.follow
	$(BIN)/python -m bench.views
	$(BIN)/python -m bench.tree
	$(BIN)/python -m bench.issue
	$(BIN)/python -m bench.crl
	$(BIN)/python -m bench.keys
	$(BIN)/python -m bench.importing
	$(BIN)/python -m bench.ocsp
	$(BIN)/python -m bench.lint
	$(BIN)/python -m bench.validate
	$(BIN)/python -m bench.acme
	$(BIN)/python -m bench.acme_renewals
	$(BIN)/python -m bench.services

clean: ## remove what make made (never the data folder)
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
