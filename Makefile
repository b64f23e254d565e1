# Everything that a developer does here, in one word each. Nothing is needed but make, Python 3.11 or newer, and, for the
# tests, git, curl, Node.js, Prometheus' promtool, Chromium and a PostgreSQL 15 beside the one that Jobtrail brings; npm for `interop`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check
# How many tests run side by side: two a core, for most of their time is waiting. And more for pytest: ARGS="-k lease -x"
JOBS   ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
ARGS   ?=
PYTEST  = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

RUNTIME := $(VENV)/.runtime
DEV     := $(VENV)/.dev
# The laws that need no database.
LAWS    := tests/law/test_docs.py tests/law/test_floors.py tests/law/test_sizes.py tests/law/test_glossary.py
# What the system must have for the tests: a program and the Debian package that brings it.
SYSTEM  := git:git curl:curl node:nodejs promtool:prometheus chromium:chromium /usr/lib/postgresql/15/bin/postgres:postgresql-15

# Where npm puts the programs of others; their tests need them, and no other test does.
OTHERS  := .interop
INTEROP := tests/interop

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test interop check setup format bench docs prove system pins clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Run a first job to its end, on a database of its own (seconds)
	@$(BIN)/jobtrail demo

test: $(DEV) system ## Run all tests, on PostgreSQL 15 and 18, and in Chromium (about a quarter of an hour on four cores)
	@status=0; \
	echo "== PostgreSQL 15: the database, the verbs, the laws"; \
	JOBTRAIL_TEST_POSTGRES=15 $(PYTEST) --ignore-glob '*/test_docs*' tests/store tests/service tests/law || status=1; \
	echo "== PostgreSQL 18: everything"; \
	$(PYTEST) --ignore $(INTEROP) tests || status=1; \
	exit $$status

interop: $(DEV) system ## Run the tests against the real Claude Code and the real nexrender, which npm installs (a few minutes)
	@.ci/system npm:npm
	@status=0; $(INTEROP)/install $(OTHERS) || status=$$?; \
	if test $$status = 75; then \
	  echo "== NOT TESTED against Claude Code and nexrender: no package registry can be reached from here" >&2; exit 0; \
	fi; \
	test $$status = 0 || exit 1; \
	echo "== Claude Code and nexrender: the real ones"; \
	$(PYTEST) $(INTEROP)

check: $(DEV) ## Check style, types, floors, and what the docs promise (a few seconds, no database)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(LAWS)

setup: $(DEV) ## Make .venv with everything for development

format: $(DEV) ## Write the code in the one style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(DEV) ## Measure throughput and latency, beside the limit of the same database and beside a peer
	@$(BIN)/jobtrail bench
	@$(BIN)/python benchmarks/peer.py

docs: $(DEV) ## Write anew the pages that are rendered from the source
	@PYTHONPATH=tests $(BIN)/python tests/law/rendered.py

prove: $(DEV) system ## Run all tests with deep properties and long chaos runs (takes long)
	@JOBTRAIL_DEEP=1 $(PYTEST) --timeout 1800 --ignore $(INTEROP) tests
	@JOBTRAIL_DEEP=1 $(MAKE) --no-print-directory interop

# A .venv from nothing. The stamps make the second time quick.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Jobtrail needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not here)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/system ensurepip:python3-venv
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Jobtrail needs into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements/runtime.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what development needs into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUNTIME) $@

system:
	@.ci/system $(SYSTEM)

# Writes the pins anew from pyproject.toml, with the newest versions that the package index has.
pins: | $(BIN)/python
	@$(PYTHON) -m venv $(VENV)/pins && $(VENV)/pins/bin/pip --disable-pip-version-check install --quiet uv
	@set -e; rm -f requirements/*.txt; \
	compile="$(VENV)/pins/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command"; \
	$$compile "make pins" pyproject.toml --group build --output-file requirements/runtime.txt; \
	$$compile "make pins" pyproject.toml --group build --group dev --constraint requirements/runtime.txt \
	  --output-file requirements/dev.txt
	@rm -rf $(VENV)/pins

clean: ## Remove what was made here: the environment, caches, and the demo's database
	@if test -d .jobtrail && test -x $(BIN)/jobtrail; then $(BIN)/jobtrail db down --yes; fi
	rm -rf $(VENV) $(OTHERS) .jobtrail .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
