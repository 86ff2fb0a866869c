# Firstpass, from a fresh checkout: `make demo` shows it, `make test` proves it. Plain `make` lists everything.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

OLDEST := 3.11
# The first of these that is new enough is used; `make setup PYTHON=...` names another.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3)

BIN := .venv/bin
# Stamps of what was brought up to date when, so that nothing is done twice.
MADE := .venv/.made
INSTALLED := .venv/.installed
LINKED := .venv/.linked
STATIC := web/static/vendor/htmx-4.min.js web/static/vendor/hx-sse-4.min.js

# Tests wait about as long as they compute: two processes for each core, and four do for everything.
WORKERS ?= 4
# The tests start a hundred processes of ours: each of them would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
BENCHES ?= billing_speed desk edi_speed posting straight_through authorizations
VISITS ?= 400

.PHONY: help setup demo up test lint format types contracts unit bench lock screenshots clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED) $(LINKED) $(word 1,$(STATIC)) ## Install everything into .venv, every version pinned by hash
	@:

demo: setup ## Start everything and let a demo clinic send its visits (EXIT=1: stop when told, VISITS=400)
	@$(BIN)/firstpass demo --visits $(VISITS) $(if $(EXIT),--exit)

up: setup ## Start everything and stay up until Ctrl-C
	@$(BIN)/firstpass up

test: setup lint ## All checks and tests, as CI runs them
	@$(MAKE) -j3 types contracts unit

lint: setup ## Style and likely mistakes
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted. Run: make format"; exit 1; }

format: setup ## Put the code into shape
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

types: setup ## mypy --strict
	@$(BIN)/mypy .

contracts: setup ## Who may know whom
	@$(BIN)/lint-imports --no-logo

unit: setup ## The tests alone (WORKERS=n for n at once)
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

bench: setup ## Measure what docs/ claims
	@for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python -m benchmarks.$$bench; done

screenshots: setup ## Take the README's pictures anew
	@FIRSTPASS_SCREENSHOTS=docs/images $(BIN)/pytest -q -m journey

lock: $(MADE) ## Resolve requirements.in into requirements.lock
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT && $(BIN)/python -m venv "$$tool" \
	  && "$$tool/bin/pip" install --quiet uv \
	  && "$$tool/bin/uv" pip compile --quiet --universal --upgrade --python-version $(OLDEST) --generate-hashes \
	       --no-header --no-annotate --no-emit-index-url requirements.in -o requirements.lock

clean: ## Remove what was installed and generated; data under var/ stays
	rm -rf .venv build *.egg-info web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# --- how setup gets there ---------------------------------------------------------------------------------------

$(MADE):
	@chosen=""; found=""; \
	for name in $(CANDIDATES); do \
	  version=$$("$$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  found="$$found $$name ($$version)"; \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))'; \
	  then chosen="$$name"; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "Firstpass needs Python $(OLDEST) or newer, and found:$${found:- none}." \
	    "Install a newer one, or name it: make setup PYTHON=/path/to/python$(OLDEST)" >&2; exit 1; \
	fi; \
	"$$chosen" -m venv .venv >/dev/null || { \
	  echo "$$chosen cannot make a virtual environment. On Debian or Ubuntu: apt-get install $$(basename "$$chosen")-venv" >&2; \
	  rm -rf .venv; exit 1; }
	@touch $@

$(INSTALLED): requirements.lock $(MADE)
	@echo "Installing the pinned packages into .venv ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(LINKED): pyproject.toml $(INSTALLED)
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(word 1,$(STATIC)): requirements-static.lock $(INSTALLED)
	@wheel=$$(mktemp -d) && trap 'rm -rf "$$wheel"' EXIT \
	  && $(BIN)/pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r $< -d "$$wheel" \
	  && mkdir -p $(@D) && $(BIN)/python -c 'import pathlib, sys, zipfile; \
	     wheel = zipfile.ZipFile(next(pathlib.Path(sys.argv[1]).glob("*.whl"))); \
	     [pathlib.Path(target).write_bytes(wheel.read(name)) for target in sys.argv[2:] for name in wheel.namelist() \
	      if name.endswith("/" + pathlib.Path(target).name)]' "$$wheel" $(STATIC)
	@touch $(STATIC)
