# Everything a fresh machine needs: Python 3.11 or newer with its venv module, and make.
#   make demo                            passengers walk through a lane
#   make demo ARGS='--headless --json'   the same, without a person, for machines to read
#   make test                            contracts, style, types and the quick tests
#   make test-thorough                   the other tests, and every property with all its examples
PYTHON ?= python3
ARGS ?=
# What bench-peers measures: latency, peers or accuracy.
BENCH ?= latency

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes

.PHONY: demo test test-thorough bench bench-peers ready ready-all lock clean

demo: .venv/.demo ready
	@$(BIN)/python -m lane demo $(ARGS)

test: .venv/.test ready-all
	@$(BIN)/python -m tests $(ARGS)

test-thorough: .venv/.test ready-all
	@$(BIN)/python -m tests --thorough $(ARGS)

bench: .venv/.demo ready
	@$(BIN)/python -m benchmarks latency $(ARGS)

# Networks and photographs lie in a cache outside: looked at each time, made where they are missing.
# The demo needs the default networks; the tests look at all of them.
ready: .venv/.demo
	@$(BIN)/python -m models prepare >/dev/null
	@$(BIN)/python -m lane photos >/dev/null

ready-all: .venv/.test ready
	@$(BIN)/python -m models prepare --all >/dev/null

bench-peers: .venv-peers/.ready ready
	@.venv-peers/bin/python -m benchmarks $(BENCH) $(ARGS)

.venv-peers/.ready: .venv/.demo requirements-peers.lock
	@echo "Installing what a user would pick instead (about 280 MB, once)" >&2
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements-peers.lock
	@touch $@

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Passenger Lane needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.13")'
	@echo "Making the environment .venv" >&2
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.demo: .venv/.python requirements.lock
	@echo "Installing locked packages (about 160 MB, once)" >&2
	@test -e .venv/.test -a .venv/.test -nt requirements-dev.lock || $(PIP) -r requirements.lock
	@touch $@

.venv/.test: .venv/.demo requirements-dev.lock
	@echo "Installing what the tests need (about 110 MB, once)" >&2
	@$(PIP) -r requirements-dev.lock
	@touch $@

# Needs uv. No registry's address goes into a lock. The peers keep an older setuptools and leave dlib's source out.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock:
	$(LOCK) --extra cpu --extra demo --extra telemetry --extra benchmarks --extra dev --upgrade -o requirements-dev.lock
	$(LOCK) --extra cpu --extra demo -c requirements-dev.lock -o requirements.lock
	$(LOCK) --extra gpu --extra demo -c requirements-dev.lock -o requirements-gpu.lock
	$(LOCK) --extra openvino --extra demo -c requirements-dev.lock -o requirements-openvino.lock
	$(LOCK) --extra openvino-built-in --extra demo -c requirements-dev.lock -o requirements-openvino-built-in.lock
	grep -ohE '^[a-z0-9.-]+==[^\\]+' requirements-dev.lock requirements-openvino.lock | sort -u | grep -v ^setuptools | $(LOCK) --extra openvino --extra demo --extra benchmarks --extra peers --override benchmarks/peers/requirements-override.txt -c /dev/stdin --no-annotate -o requirements-peers.lock

clean:
	rm -rf .venv .venv-peers .pytest_cache .mypy_cache .ruff_cache .grimp_cache .hypothesis .import_linter_cache
