# Every command that a developer or CI needs; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
EXTRAS := --extra flights --extra kafka-codecs --extra librdkafka --extra postgres

# The lists were locked on 3.11, so it goes first; a version manager's shim may exist and still not run.
define FIND_PYTHON
for python in python3.11 python3.12 python3.13 python3.14 python3 none; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && break; \
done; \
if [ "$$python" = none ]; then \
	echo 'make: momentwatch needs Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv)' >&2; \
	exit 1; \
fi
endef

.PHONY: help install peers benchmarks system-packages test faults fuzz soak flights lint fmt demo lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP) ## create .venv from the hash-locked list

# The stamp is younger than the lists it was made from, so a second call does nothing. The build backend goes
# first: what has no wheel is built by the locked one, not by one that pip fetches unlocked for the occasion.
$(STAMP): pyproject.toml requirements/build.txt requirements/dev.txt
	@$(FIND_PYTHON); "$$python" -m venv $(VENV)
	$(PIP_INSTALL) --require-hashes -r requirements/build.txt
	$(PIP_INSTALL) --require-hashes --no-build-isolation -r requirements/dev.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

system-packages: ## bring the servers that the tests drive
	@tests/harness/system-packages

# A file's tests stay together, for they share what is costly to start; each worker has servers of its own.
test: install system-packages lint ## every check, then every test
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# N kills in all; SEED repeats a run; ONLY names scenarios, with commas between (`--help` lists them).
faults: install system-packages ## kill, freeze and cut everything: N=50 SEED= ONLY=
	$(BIN)/python -m tests.faults --kills $(or $(N),50) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

fuzz: install ## what no producer should send: N=100000 SEED=
	$(BIN)/python -m tests.faults.fuzz --inputs $(or $(N),100000) $(if $(SEED),--seed $(SEED))

soak: install system-packages ## twice the rated load: MINUTES=10
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10)

flights: install system-packages ## a year of flights through the broker beside the file, of which the tests take four months
	$(BIN)/pytest --whole-year tests/e2e/test_flights.py

lint: install ## ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: install ## rewrite the sources as ruff wants them
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: install ## a year of flights, start to finish
	$(BIN)/momentwatch demo

# Other streaming libraries, to be measured beside the service; in an environment of their own.
PEERS := benchmarks/peers/.venv

peers: $(PEERS)/.installed ## install what the benchmarks compare the service with

$(PEERS)/.installed: $(STAMP) benchmarks/peers/requirements.txt
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/peers/requirements.txt
	touch $@

# A library that cannot be installed here is left out of the table, which says so.
benchmarks: install system-packages ## measure everything, and write one table to benchmarks/results.md
	-$(MAKE) peers
	$(BIN)/python -m benchmarks --out benchmarks/results.md

# pip-compile keeps what is pinned already; delete a line or add `--upgrade-package` to move on.
lock: install ## write the hash-locked lists anew from pyproject.toml
	$(COMPILE) $(EXTRAS) --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) $(EXTRAS) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --output-file benchmarks/peers/requirements.txt benchmarks/peers/requirements.in
	echo setuptools | $(COMPILE) --constraint requirements/dev.txt --output-file requirements/build.txt -

clean: ## remove what was built, and keep the caches of the test servers
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
