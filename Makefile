# Everything a person or CI does here. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run demo test check lint format types contract contract-check lock ide faults bench-webhooks browser schemathesis clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: .venv/.installed ide ## Start PostgreSQL, the API and the worker; prints the URL and, the first time, an admin key
	@exec $(BIN)/python -m app.run

demo: .venv/.installed ## Fill a running service with a realistic organisation (NOREPEAT_KEY=nr_... for its key)
	@$(BIN)/python examples/demo.py

test: .venv/.installed-dev ## Run the test suite
	$(BIN)/python -m pytest -n auto -m "not browser and not schemathesis" --cov --cov-report=term

check: lint types contract-check test schemathesis browser ## Everything CI runs

lint: .venv/.installed-dev ## Style and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

format: .venv/.installed-dev ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

types: .venv/.installed-dev ## mypy, strict
	$(BIN)/mypy

contract: .venv/.installed ## Write openapi/openapi.json and openapi/schema.graphql
	$(BIN)/norepeat openapi

contract-check: .venv/.installed-dev ## Fail if the committed contract differs from the code
	$(BIN)/norepeat openapi --check

schemathesis: .venv/.installed-dev ## Fuzz the API by its own contract
	$(BIN)/python -m pytest -m schemathesis

faults: .venv/.installed-dev ## Kill workers and PostgreSQL under a tracker that fails: nothing lost, nothing doubled
	@$(BIN)/python -m tests.faults.fault_run

bench-webhooks: .venv/.installed-dev ## Measure webhook ingest against an ORM endpoint and pgbench, and a storm of 15,000
	@$(BIN)/python -m bench.webhooks
	@NOREPEAT_STORM_EVENTS=5000 $(BIN)/python -m pytest -q -s tests/worker/test_storm.py

browser: .venv/.installed-dev ide ## Look at the pages with a headless Chromium
	$(BIN)/python -m pytest -m browser

ide: ## Build GraphiQL where npm is found; without it /graphql shows a small page of our own
	@if [ ! -e app/api/static/graphiql/index.html ] && command -v npm >/dev/null; then \
	  echo "building GraphiQL (once)"; \
	  (cd ide && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent) >/dev/null \
	    || echo "GraphiQL was not built; /graphql shows a small explorer instead"; \
	fi

lock: ## Write the two lock files anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 -c requirements.lock \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean: ## Remove what was built; data in .norepeat stays
	rm -rf .venv app/api/static/graphiql ide/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("norepeat needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with PYTHON=python3.x make run") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
