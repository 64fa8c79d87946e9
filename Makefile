# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# A file's tests go to one process, as they share what is made for them all.
PARALLEL := --numprocesses=auto --dist=loadfile
# Half of what those with real programs do is to wait: three processes keep two processors busy.
WAITING = --numprocesses=$(shell expr $$(nproc) \* 3 / 2) --dist=loadfile
# All tests run in random order, but those with real programs: some go through a deployment step by step.
ORDERED := -p no:randomly
PYTHON ?= python3
# Docker's needs BuildKit to build for another processor than the machine's.
BUILD ?= docker build
# Each that pyproject.toml names.
PYTHONS := python3.11 python3.12 python3.13
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

help: ## list these commands
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.installed ## install into .venv and serve on 127.0.0.1:5000, data in ./data
	@$(BIN)/lading serve

test: $(VENV)/.installed-dev ## install and run the tests that need nothing but Python
	$(BIN)/pytest $(PARALLEL) -m "not e2e" $(ARGS)

test-lowest: build/lowest/.installed ## run those tests with the lowest versions that pyproject.toml allows
	build/lowest/bin/pytest $(PARALLEL) -m "not e2e" $(ARGS)

test-pythons: $(VENV)/.installed-dev ## run those tests of the wheel, with each Python that it is for and that is here
	rm -rf build/wheel
	$(BIN)/python -m build --wheel --no-isolation --outdir build/wheel .
	@for python in $(PYTHONS); do \
		$$python -c "" 2>/dev/null || { echo "$$python is not here, and not tested"; continue; }; \
		echo "$$python:"; \
		pip="build/$$python/bin/pip install --quiet --disable-pip-version-check"; \
		$$python -m venv build/$$python && \
		$$pip --require-hashes -r requirements/dev.txt && \
		$$pip --no-deps --force-reinstall build/wheel/*.whl && \
		build/$$python/bin/pytest $(PARALLEL) -m "not e2e" $(ARGS) || exit 1; \
	done

e2e: $(VENV)/.installed-dev ## run the tests that need Docker, nginx, podman, … and root
	$(BIN)/pytest $(ORDERED) $(WAITING) -m e2e $(ARGS)

e2e-tools: ## install what those tests need and this machine lacks, as root
	tests/e2e/tools

e2e-seaweedfs: $(VENV)/.installed-dev ## run what is about S3 with SeaweedFS instead of versitygw; it builds it first
	tests/e2e/tools seaweedfs
	LADING_S3_SERVER=seaweedfs $(BIN)/pytest $(ORDERED) -m e2e tests/blobs/s3 tests/e2e/test_object_store.py $(ARGS)

e2e-arm64: $(VENV)/.installed-dev ## build the image for arm64 and run it, emulated; it brings what emulates first, as root
	tests/e2e/tools arm64
	LADING_ARM64=yes $(BIN)/pytest $(ORDERED) -m e2e tests/e2e/test_arm64.py $(ARGS)

e2e-clients: $(VENV)/.installed-dev ## run the tests of all clients with registries on PostgreSQL and S3
	LADING_CLIENTS_ON="PostgreSQL and S3" $(BIN)/pytest $(ORDERED) -m e2e tests/clients $(ARGS)

crash: $(VENV)/.installed-dev ## end each verb after each of its effects, on PostgreSQL and S3, too; it takes minutes
	LADING_CRASHES=all $(BIN)/pytest $(ORDERED) tests/crash $(ARGS)

torture: $(VENV)/.installed-dev ## push, delete, collect and kill at random, for a quarter of an hour; then compare
	$(BIN)/python -m tests.torture $(ARGS)

torture-replicas: $(VENV)/.installed-dev ## the same of two servers on PostgreSQL and an object store, all of which fail
	$(BIN)/python -m tests.torture --on s3 --kills 100 $(ARGS)

siege: $(VENV)/.installed-dev ## serve guests while others do their worst, for seven minutes
	$(BIN)/python -m tests.siege $(ARGS)

image-arm64: ## build the container image for arm64, as lading:arm64; BUILD="buildah build" for another builder
	$(BUILD) --platform linux/arm64 --tag lading:arm64 $(ARGS) .

conformance: $(VENV)/.installed-dev ## run the OCI's conformance suites
	$(BIN)/pytest $(ORDERED) -m e2e tests/conformance $(ARGS)

fuzz: $(VENV)/.installed-fuzz ## search the parsers for failures: 60 SECONDS each, or one TARGET
	@for target in $(or $(TARGET),$$($(BIN)/python -m tests.fuzz.targets)); do \
		echo "$$target:"; \
		$(BIN)/python -m tests.fuzz.run $$target $(or $(SECONDS),60) || exit 1; \
	done

check: $(VENV)/.installed-dev ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-bench ## measure beside other registries; half an hour, or a few minutes with ARGS=--quick
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.installed-dev ## renew docs/configuration.md, docs/commands.md, and the tables of crashes, walks and metrics
	$(BIN)/python -c "from tests.docs.configuration import render; print(render(), end='')" > docs/configuration.md
	$(BIN)/python -m tests.crash.table
	-$(BIN)/python -m tests.crash.table_in_s3 # needs an S3 server, see tests/support/s3.py
	$(BIN)/python -m tests.docs.walks
	$(BIN)/python -m tests.docs.metrics
	$(BIN)/python -m tests.docs.commands

screenshots: $(VENV)/.installed-dev ## take the pictures of the README anew, with chromium
	$(BIN)/python -m tests.ui.screenshots

lock: ## renew requirements/*.txt from pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--group build pyproject.toml --output-file requirements/run.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--group build --group dev --extra traces pyproject.toml --constraint requirements/run.txt --output-file requirements/dev.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --resolution lowest-direct --no-header \
		--extra traces pyproject.toml --output-file build/lowest-direct.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--group build --group dev --extra traces pyproject.toml --constraint build/lowest-direct.txt --output-file requirements/lowest.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--group bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--group fuzz --constraint requirements/dev.txt --output-file requirements/fuzz.txt

clean: ## remove everything made here except ./data
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .cache

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), which is done once"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-fuzz: requirements/fuzz.txt $(VENV)/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@touch $@

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV), which is done once"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

build/lowest/.installed: requirements/lowest.txt pyproject.toml
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lowest.txt
	build/lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-bench: requirements/bench.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

.PHONY: help run test test-lowest test-pythons e2e e2e-tools e2e-arm64 e2e-clients image-arm64 crash torture torture-replicas siege conformance check fuzz format bench docs screenshots lock clean
