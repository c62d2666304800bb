# Everything that a person runs. `make run` and `make test` need only Python
# 3.11+, curl and a network for the first installation.
PYTHON ?= python3
ENV    ?= dev
TRAFFIC ?= 180
REDOCLY  := 2.77.0
SPECTRAL := 6.16.3
BIN    := .venv/bin
READY  := .venv/.ready
AUDIT  := .venv-audit/.ready

# Bytecode is kept, whatever the shell says: without it every start compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# The environment that the target lies in, from the pinned packages that it needs.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed (this is %s); set PYTHON=python3.x" % sys.version.split()[0])'
	@echo "installing into $(@D) (once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
endef

$(READY): requirements/lock.txt
	$(environment)

$(AUDIT): requirements/audit.txt
	$(environment)

setup: $(READY)  ## Install the pinned dependencies into .venv

run: $(READY)  ## Deploy to the local emulator and place, read, update and list an order
	@mkdir -p .local
	@$(BIN)/python deploy.py --env dev --local --yes --outputs-file .local/outputs.json
	@PYTHON=$(BIN)/python examples/walkthrough.sh .local/outputs.json

stop: $(READY)  ## Stop the local emulator; its state is kept
	@$(BIN)/python deploy.py --local --stop

deploy: $(READY)  ## Deploy ENV (dev, staging, prod) to AWS
	@$(BIN)/python deploy.py --env $(ENV)

templates: $(READY)  ## Render templates/, docs/openapi.yaml and docs/alarms.md
	@$(BIN)/python -m generator

test: $(READY)  ## Unit and end-to-end tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q

check: $(READY)  ## Code style and the unit tests that uncommitted changes, or those since BASE, can affect
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@affected=$$($(BIN)/python -m tests.affected $(BASE)) && if [ -n "$$affected" ]; \
		then $(BIN)/python -m pytest -n 2 --dist loadgroup -q $$affected; \
		else echo "check: no unit test depends on what has changed"; fi

load: $(READY)  ## Send thousands of orders and files of them to the local emulator (minutes)
	@$(BIN)/python -m pytest -q -m load tests

lint: $(READY)  ## Code style, rendered files up to date, cfn-lint
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/python -m generator --check
	@$(BIN)/cfn-lint --include-checks I --regions us-east-1 -- templates/*.yaml
	@echo "lint: clean"

openapi-lint:  ## Lint docs/openapi.yaml by the standard rules of redocly and spectral (needs Node.js and a network)
	@npx --yes @redocly/cli@$(REDOCLY) lint docs/openapi.yaml --extends recommended --max-problems 100
	@printf 'extends: ["spectral:oas"]\n' > .spectral.yaml; trap 'rm -f .spectral.yaml' EXIT; \
		npx --yes @stoplight/spectral-cli@$(SPECTRAL) lint docs/openapi.yaml --ruleset .spectral.yaml --fail-severity hint

audit: $(AUDIT)  ## Scan the templates for insecurities (checkov); needs no network once installed
	@CKV_SKIP_PACKAGE_UPDATE_CHECK=true CKV_PARSE_ERROR_FAIL=true $(dir $(AUDIT))bin/checkov \
		--file templates/*.yaml --framework cloudformation --skip-download --quiet --compact
	@echo "audit: clean"

dashboard: $(READY)  ## Send orders to what `make run` deployed for TRAFFIC seconds, then draw docs/dashboard.html
	@$(BIN)/python examples/traffic.py .local/outputs.json --seconds $(TRAFFIC)
	@$(BIN)/python -m preview --local

commands: $(READY)  ## Run the commands of docs/commands.md again and write down what they print
	@$(BIN)/python -m examples.transcript docs/commands.md

bench: $(READY)  ## Measure cold starts, calls per request, rendering and package sizes
	@$(BIN)/python -m benchmarks

lock:  ## Pin the newest versions that setup.cfg allows (needs uv)
	uv pip compile -q setup.cfg --upgrade --all-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/lock.txt
	uv pip compile -q requirements/audit.in --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/audit.txt
	uv pip compile -q requirements/layer.in --upgrade -c requirements/lock.txt --python-version 3.13 --python-platform aarch64-manylinux2014 --generate-hashes --no-header --no-annotate -o requirements/layer.txt

clean: stop  ## Stop the emulator and remove everything that is not checked in
	rm -rf .venv .venv-audit .local .pytest_cache .ruff_cache .hypothesis

.PHONY: help setup run stop deploy templates test check load lint openapi-lint audit dashboard commands bench lock clean
.DEFAULT_GOAL := help
