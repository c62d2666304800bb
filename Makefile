# The commands of the project. They need Python 3.11 or newer, curl, and a network for the first installation.
PYTHON ?= python3
ENV    ?= dev
TRAFFIC ?= 180
SEEDS  ?= 10000
RATE   ?= 10
DURATION ?= 60
REDOCLY  := 2.77.0
SPECTRAL := 6.16.3
BIN    := .venv/bin
RUN    := .venv/.run
READY  := .venv/.ready
AUDIT  := .venv-audit/.ready
LOCUST := .venv-load/.ready

# Without cached bytecode every start compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# .run: the packages of a run; .ready: all packages, on top of them.
$(RUN): requirements/run.txt requirements/uv.txt
	@rm -rf $(@D)
	@requirements/install.sh $(PYTHON) $(@D) $<
	@touch $@

$(READY): requirements/lock.txt $(RUN)
	@requirements/install.sh $(PYTHON) $(@D) $<
	@touch $@

$(AUDIT): requirements/audit.txt requirements/uv.txt
	@rm -rf $(@D)
	@requirements/install.sh $(PYTHON) $(@D) $<
	@touch $@

$(LOCUST): requirements/load.txt requirements/uv.txt
	@rm -rf $(@D)
	@requirements/install.sh $(PYTHON) $(@D) $<
	@touch $@

setup: $(READY)  ## Install all packages into .venv, those of tests and lint too (each command installs what it needs)

run: $(RUN)  ## Deploy to the local emulator; place, read, update and list an order
	@mkdir -p .local
	@$(BIN)/python deploy.py --env dev --local --yes --outputs-file .local/outputs.json
	@PYTHON=$(BIN)/python examples/walkthrough.sh .local/outputs.json

console: $(RUN)  ## Deploy ENV to the local emulator; open a page to place orders, watch them pass, redrive dead letters
	@$(BIN)/python deploy.py --env $(ENV) --local --yes
	@$(BIN)/python -m console --env $(ENV)

stop: $(RUN)  ## Stop the local emulator and keep its state
	@$(BIN)/python deploy.py --local --stop

deploy: $(RUN)  ## Deploy ENV (dev, staging, prod) to AWS
	@$(BIN)/python deploy.py --env $(ENV)

templates: $(READY)  ## Render templates/, docs/openapi.yaml, docs/asyncapi.yaml, docs/alarms.md, docs/order-fields.md; tables of docs/capacity.md and docs/conformance.md
	@$(BIN)/python -m generator
	@$(BIN)/python -m capacity --write
	@$(BIN)/python -m conformance --write

test: $(READY)  ## Unit and end-to-end tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q

check: $(READY)  ## Code style, types, and the unit tests that uncommitted changes, or those since BASE, can affect
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@affected=$$($(BIN)/python -m tests.affected $(BASE)) && if [ -n "$$affected" ]; \
		then $(BIN)/python -m pytest -n 2 --dist loadgroup -q $$affected; \
		else echo "check: no unit test depends on what has changed"; fi

test-load: $(READY)  ## The tests that take minutes, as those of thousands of orders do
	@$(BIN)/python -m pytest -q -m load tests

load: $(READY) $(LOCUST)  ## Load the order API by locust, for docs/benchmarks.md (minutes); or the one of OUTPUTS, RATE requests a second
ifdef OUTPUTS
	@OUTPUTS="$(OUTPUTS)" $(dir $(LOCUST))bin/locust --locustfile benchmarks/load/scenario.py --headless --only-summary \
		--users $(RATE) --spawn-rate $(RATE) --run-time $(DURATION)s --stop-timeout 30 --loglevel ERROR Partner
else
	@$(BIN)/python -m benchmarks load --record
endif

simulate: $(READY)  ## Run the handlers on a simulated AWS with SEEDS schedules, or replay SEED and shrink it
	@$(BIN)/python -m tests.simulation $(if $(SEED),$(SEED),--seeds $(SEEDS))

lint: $(READY)  ## Code style, direction of imports, types, workflows, rendered files up to date, the contract's version, cfn-lint
	@mkdir -p .local
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/lint-imports --no-cache >.local/imports.txt || { sed -n '/^Broken/,$$p' .local/imports.txt; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/actionlint -shellcheck= -pyflakes= .github/workflows/*.yml
	@$(BIN)/python -m generator --check
	@$(BIN)/python -m generator.compatibility
	@$(BIN)/cfn-lint --include-checks I --regions us-east-1 -- templates/*.yaml bootstrap/*.yaml
	@echo "lint: clean"

release-contract: $(READY)  ## Write the contract of this version to docs/contract-history (docs/versioning.md)
	@$(BIN)/python -m generator.compatibility --release

openapi-lint:  ## Lint docs/openapi.yaml and docs/asyncapi.yaml by redocly and spectral (needs Node.js and a network)
	@npx --yes @redocly/cli@$(REDOCLY) lint docs/openapi.yaml docs/asyncapi.yaml --extends recommended --max-problems 100
	@printf 'extends: ["spectral:oas"]\n' > .spectral.yaml; trap 'rm -f .spectral.yaml' EXIT; \
		npx --yes @stoplight/spectral-cli@$(SPECTRAL) lint docs/openapi.yaml --ruleset .spectral.yaml --fail-severity hint

conformance: $(RUN)  ## Try on the local emulator what the design assumes about AWS; write docs/conformance.md
	@$(BIN)/python deploy.py --env staging --local --yes
	@$(BIN)/python -m conformance --env staging --local --record || [ $$? = 1 ]  # 1: a probe differs, as some do here


audit: $(AUDIT)  ## Judge the templates by checkov, parliament and AWS Control Tower's rules; VERBOSE=1 lists accepted findings
	@$(dir $(AUDIT))bin/python -m audit $(if $(VERBOSE),--verbose)

dashboard: $(READY)  ## Send orders to a local staging environment for TRAFFIC seconds, then draw docs/dashboard.html
	@mkdir -p .local
	@$(BIN)/python deploy.py --env staging --local --yes --outputs-file .local/staging.json
	@$(BIN)/python examples/traffic.py .local/staging.json --seconds $(TRAFFIC)
	@$(BIN)/python -m preview --local

commands: $(READY)  ## Run the commands of docs/commands.md and update their output there
	@$(BIN)/python -m examples.transcript docs/commands.md

pictures: $(READY)  ## Draw docs/architecture.svg and docs/capacity.svg, and from real runs docs/plan.svg and docs/site*.png
	@$(BIN)/python -m preview.architecture
	@$(BIN)/python -m preview.headroom
	@$(BIN)/python -m examples.plan_screen
	@$(BIN)/python -m examples.site_screens

docs: $(READY)  ## Build the documents as a site, .local/site, with the API reference
	@$(BIN)/python -m preview.site

docs-serve: $(READY)  ## Build that site and serve it here; requests of the API reference go to the local deployment
	@$(BIN)/python -m preview.site --serve

bench: $(READY)  ## Measure everything in docs/benchmarks.md and write its tables (minutes; on a quiet machine)
	@$(BIN)/python -m benchmarks --record

lock:  ## Pin the newest versions that setup.cfg allows (needs uv)
	uv pip compile -q setup.cfg --upgrade --all-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/lock.txt
	uv pip compile -q setup.cfg --extra local --upgrade -c requirements/lock.txt --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/run.txt
	uv pip compile -q requirements/uv.in --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/uv.txt
	uv pip compile -q requirements/audit.in --excludes requirements/audit-excluded.in --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/audit.txt
	uv pip compile -q requirements/load.in --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/load.txt
	uv pip compile -q requirements/layer.in --upgrade -c requirements/lock.txt --python-version 3.13 --python-platform aarch64-manylinux2014 --generate-hashes --no-header --no-annotate -o requirements/layer.txt

clean: stop  ## Stop the emulator and remove everything that is not checked in
	rm -rf .venv .venv-audit .venv-load .local .pytest_cache .ruff_cache .hypothesis

.PHONY: help setup run console stop deploy templates test check test-load load simulate conformance lint release-contract openapi-lint audit dashboard commands pictures docs docs-serve bench lock clean
.DEFAULT_GOAL := help
