# The same verbs locally and in CI. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: up down test servers browser live check golden bench-certificates clean help

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

.venv/.made: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

up: .venv/.made ## install the toolchain if needed, then four provinces
	$(BIN)/yrd up

down: .venv/.made ## take the local environment away
	$(BIN)/yrd down

test: check servers browser live ## everything that must hold, on the real environment `test` (root; `local` sleeps meanwhile)

servers: .venv/.made ## real OpenBao, Keycloak, API server and PostgreSQL as processes of this host: no environment
	$(BIN)/pytest tests/secrets tests/access tests/identity tests/login tests/rotation

browser: .venv/.made ## a citizen's login in a real browser, with every trouble on the way
	$(BIN)/pytest tests/people

live: .venv/.made ## on four real provinces
	$(BIN)/pytest tests/live

check: .venv/.made ## lint, types, import directions, pure tests: no root, no network
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m model.schema --check
	$(BIN)/python -m monitoring.compile --check
	$(BIN)/pytest tests/model tests/policies tests/charts tests/services tests/toolchain tests/monitoring tests/portal tests/scan tests/stacks

bench-certificates: .venv/.made ## certificates per second, through our client and by the server's own limit
	$(BIN)/python -m tests.bench.certificates

golden: .venv/.made ## rewrite generated files; review shows the difference
	$(BIN)/python -m model.schema
	$(BIN)/python -m monitoring.compile --write

clean: ## remove what the checkout made (the cache outside stays)
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache build *.egg-info
