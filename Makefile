# Globstar: `make run` starts the demo, `make test` runs every test. `make help` lists the rest.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
WORKERS ?= 2
EXTRAS := g722,opus,tts,test,dev

# Byte code is kept whatever the surroundings say: the tests start the server hundreds of times, and compiling all its modules
# takes longer than anything else that it does when it starts.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run venv test-tools test unit interop lint format types imports fuzz bench coverage clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1|/' | column -t -s '|'

$(STAMP): pyproject.toml setup.py tools/make-venv $(wildcard src/globstar/*/_*.pyx src/globstar/*/_*.pxi src/globstar/*/_*.h)
	tools/make-venv $(VENV) '.[$(EXTRAS)]'
	@touch $@

venv: $(STAMP)  ## make the virtual environment and install everything into it

run: $(STAMP)  ## start Globstar with the built-in demo in the foreground
	@GLOBSTAR_DEMO_DIR=$(CURDIR)/var/demo $(VENV)/bin/globstar -f -c

test-tools: $(STAMP)  ## install the Debian packages that the tests use
	@tools/install-test-tools

test: $(STAMP)  ## everything: lint, types, imports, and all tests
	@tools/run-tests $(PY) $(WORKERS)

unit: $(STAMP)  ## the tests that need no other program
	$(PY) -m pytest -q -n $(WORKERS) --ignore=tests/interop

interop: $(STAMP) test-tools  ## the real server against SIPp and baresip
	$(PY) -m pytest tests/interop

lint: $(STAMP)  ## ruff: rules and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(STAMP)  ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(STAMP)  ## mypy, strictly
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy tests/conftest.py tests/support tests/interop bench

imports: $(STAMP)  ## the layers of the architecture
	$(VENV)/bin/lint-imports --no-cache

fuzz: $(STAMP)  ## the fuzz tests with many more examples (FUZZ_SECONDS each, default 60)
	HYPOTHESIS_PROFILE=thorough FUZZ_SECONDS=$${FUZZ_SECONDS:-60} $(PY) -m pytest -n $(WORKERS) --timeout=0 tests/fuzz

bench: $(STAMP) test-tools  ## measure against the performance budgets
	$(PY) -m bench.run $(BENCH)

clean:  ## remove what was built
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
