# Everything a person or CI does here. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run demo demo-slo test check lint format types contract contract-check lock ide faults soak deploy-check bench-budgets bench peer bench-meta-review bench-webhooks bench-subscriptions bench-audit bench-metrics browser portal clients schemathesis clean train evaluate bench-suggestions bench-drafts

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: .venv/.installed ide ## Start PostgreSQL, the API and the worker; prints the URL and, the first time, an admin key
	@exec $(BIN)/python -m app.run

demo: .venv/.installed ## Fill a running service with a realistic organisation (NOREPEAT_KEY=nr_... for its key)
	@$(BIN)/python examples/demo.py

demo-slo: .venv/.installed ## Show errors in a real Prometheus change a ticket's priority, and back (about 2 minutes)
	@$(BIN)/python -m examples.demo_slo

test: .venv/.installed-dev ## Run the test suite
	$(BIN)/python -m pytest -n auto -m "not browser and not schemathesis" --cov --cov-report=term

check: lint types contract-check test schemathesis clients browser ## Everything CI runs

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
	$(BIN)/python -m pytest -n auto -m schemathesis

faults: .venv/.installed-dev ## Kill workers and PostgreSQL under a tracker that fails: nothing lost, nothing doubled
	@$(BIN)/python -m tests.faults.fault_run

SOAK_SECONDS ?= 180
LOAD_SECONDS ?= 600
soak: .venv/.installed-dev ## Break everything under writes, load it, walk the delivery machine, compare 5,000 random queries
	@$(BIN)/python -m tests.faults.soak $(SOAK_SECONDS)
	@$(BIN)/python -m bench.soak_load $(LOAD_SECONDS)
	@NOREPEAT_MODEL_EXAMPLES=2000 $(BIN)/python -m pytest -q -s tests/unit/test_delivery_machine.py
	@NOREPEAT_PLAN_QUERIES=5000 $(BIN)/python -m pytest -q tests/api/test_plan_differential.py

deploy-check: .venv/.installed-dev ## Lint the image, validate the manifests, try the alert rules
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m pytest -q tests/unit/test_deploy.py tests/api/test_operations.py

bench-budgets: .venv/.installed-dev ## Measure 1,000 items re-prioritised by a signal, and a storm of 5,000 alerts
	@$(BIN)/python -m bench.budgets
	@NOREPEAT_STORM_ALERTS=5000 $(BIN)/python -m pytest -q -s tests/worker/test_alert_storm.py

CORPUS ?= ../shared/corpus
EXAMPLES := $(CORPUS)/incidents.jsonl $(CORPUS)/labels.jsonl $(CORPUS)/recurrence-pairs.jsonl
FURTHER := bench/training/further-labels.jsonl

train: .venv/.installed ## Learn the weights behind suggestions from $(CORPUS), or from EXAMPLES="files"; always the same file
	@if [ ! -e $(firstword $(EXAMPLES)) ]; then echo "no examples at $(CORPUS); name files with EXAMPLES=\"...\""; exit 1; fi
	$(BIN)/norepeat train $(EXAMPLES) $(FURTHER)

evaluate: .venv/.installed ## Measure suggestions by cross-validation on $(CORPUS)
	@if [ ! -d $(CORPUS) ]; then echo "nothing to evaluate on: $(CORPUS) is not here"; exit 0; fi; \
	$(BIN)/norepeat evaluate --cross-validation --incidents $(CORPUS)/incidents.jsonl \
	  --labels $(CORPUS)/labels.jsonl --pairs $(CORPUS)/recurrence-pairs.jsonl --train $(FURTHER) --transcripts $(CORPUS)/transcripts

bench-drafts: .venv/.installed-dev ## Measure bundle and timeline of 5,000 messages, 300 alerts and 100 deployments
	@$(BIN)/python -m bench.drafts

bench-suggestions: .venv/.installed-dev ## Measure suggestions among 200,000 incidents
	@$(BIN)/python -m bench.suggestions

bench: .venv/.installed-dev ## Measure reads against PostGraphile, a textbook and hand-written SQL, also at 10 times the rows
	@$(BIN)/python -m bench.reads --write

peer: ## Install PostGraphile and the audits of GraphQL over HTTP from their lock
	@cd bench/postgraphile && npm ci --no-audit --no-fund --loglevel=error

bench-webhooks: .venv/.installed-dev ## Measure webhook ingest against an ORM endpoint and pgbench, and a storm of 15,000
	@$(BIN)/python -m bench.webhooks
	@NOREPEAT_STORM_EVENTS=5000 $(BIN)/python -m pytest -q -s tests/worker/test_storm.py

bench-metrics: .venv/.installed-dev ## Measure every metric at 20,000 and 200,000 postmortems, and the article's loop
	@$(BIN)/python -m bench.metrics

bench-subscriptions: .venv/.installed-dev ## Measure 1,000 GraphQL subscriptions on one process
	@$(BIN)/python -m bench.subscriptions

bench-audit: .venv/.installed-dev ## Measure what the audit log costs a write
	@$(BIN)/python -m bench.audit

bench-meta-review: .venv/.installed-dev ## Measure a quarter's review at 20,000 and 200,000 postmortems
	@$(BIN)/python -m bench.meta_review

browser: .venv/.installed-dev ide portal ## Look at the pages with a headless Chromium
	$(BIN)/python -m pytest -m browser

ide: ## Build GraphiQL where npm is found; without it /graphql shows a small page of our own
	@if [ ! -e app/api/static/graphiql/index.html ] && command -v npm >/dev/null; then \
	  echo "building GraphiQL (once)"; \
	  (cd ide && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent) >/dev/null \
	    || echo "GraphiQL was not built; /graphql shows a small explorer instead"; \
	fi

PORTAL := examples/portal

portal: $(if $(shell command -v npm),$(PORTAL)/node_modules/.installed) ## Build the example portal: types from the schema, tsc, Relay's compiler, the bundle
	@if [ -e $(PORTAL)/node_modules/.installed ]; then \
	  cd $(PORTAL) && npm run --silent codegen && npm run --silent types && npm run --silent relay && npm run --silent build; \
	else echo "skipped: the example portal needs npm and the packages of its lock file"; fi

# Where the packages cannot be fetched there is no mark, and who needs them says so.
$(PORTAL)/node_modules/.installed: $(PORTAL)/package-lock.json
	@(cd $(PORTAL) && npm ci --no-audit --no-fund --loglevel=error) >/dev/null && touch $@ || rm -f $@

clients: $(if $(shell command -v npm),$(PORTAL)/node_modules/.installed) ## Generate TypeScript and Python clients from the REST contract and compile them
	@if [ -e $(PORTAL)/node_modules/.installed ]; then cd $(PORTAL) && npm run --silent rest; \
	else echo "skipped: TypeScript types need npm and the packages of $(PORTAL)"; fi
	@PYTHON=$(PYTHON) examples/clients/check.sh

lock: ## Write the two lock files anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 -c requirements.lock \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean: ## Remove what was built; data in .norepeat stays
	rm -rf .venv app/api/static/graphiql ide/node_modules $(PORTAL)/node_modules $(PORTAL)/dist examples/clients/.venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
