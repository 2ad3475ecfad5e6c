# Every target does its own set-up; it needs Python 3 (from 3.9), pip and make (and Node/npm where a target says so).
UV := .tools/bin/uv
RUN := .venv/bin/
PORT ?= 8000
export UV_PYTHON_PREFERENCE ?= system
# Container images set it; every process that a test starts would then compile all that it imports, three times the work.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test test-fast nightly lint lint-schema lint-overview schema licences audit bench bench-peers bench-ledger bench-filling load profile build deploy deploy-check deploy-tools clients-tools
setup: .venv/.ready

$(UV):
	python3 -m pip install --quiet --disable-pip-version-check --target .tools "uv>=0.9,<1"

.venv/.ready: pyproject.toml uv.lock .python-version | $(UV)
	$(UV) sync --frozen --quiet
	@touch $@

run: setup
	PORT=$(PORT) exec $(RUN)python -m local

# Twice as many workers as cores, since the slow tests mostly wait; each takes up to 1 GB.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN) && echo $$((cores < 4 ? 2 * cores : 8)))

test: lint
	$(RUN)pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered

# For the inner loop, 34 seconds on two cores: the API through its handler, and what it is made of. `make test` runs everything.
test-fast: setup
	$(RUN)pytest -n $(WORKERS) --dist worksteal -q -m "not slow" tests/functions tests/schema tests/upstreams tests/runtime tests/ledger/days tests/ledger/credits tests/ledger/figures tests/ledger/answers

# The generated tests with at least ten times the examples; it takes an hour or so.
nightly: setup
	HYPOTHESIS_PROFILE=nightly $(RUN)pytest --timeout=14400 tests/ledger/credits/test_equals_the_upstream.py tests/schema/test_against_strawberry.py \
	  tests/ledger/figures/test_balanced_histories.py tests/ledger/figures/test_summaries.py tests/security/test_fuzzing.py

# mypy takes as long as all the others together, so these run beside it.
lint: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-types lint-python lint-node

.PHONY: lint-types lint-python lint-node
lint-types:
	$(RUN)mypy

lint-python:
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)lint-imports

SCHEMA_LINT := tests/schema_lint
lint-node:
	@if $(MAKE) --no-print-directory --silent $(SCHEMA_LINT)/node_modules/.ready; \
	  then $(MAKE) --no-print-directory --silent lint-schema; \
	  else echo "npm could not install graphql-eslint and graphql-schema-linter: they were not run"; fi
	@if $(MAKE) --no-print-directory --silent $(PAGE_CHECKS)/node_modules/.ready; \
	  then $(MAKE) --no-print-directory --silent lint-overview; \
	  else echo "npm could not install TypeScript: the overview's modules were not checked"; fi

# The schema by the GraphQL community's linters; a rule that is off has its reason in the configuration. Of the second
# linter the four about alphabetical order are off: fields stand in the order in which they are read.
lint-schema: $(SCHEMA_LINT)/node_modules/.ready
	cp schema/schema.graphql $(SCHEMA_LINT)/schema.graphql
	cd $(SCHEMA_LINT) && node_modules/.bin/eslint schema.graphql && node_modules/.bin/graphql-schema-linter schema.graphql

# The overview's modules, against what the schema says about its queries.
PAGE_CHECKS := tests/overview
lint-overview: $(PAGE_CHECKS)/node_modules/.ready
	$(PAGE_CHECKS)/node_modules/.bin/tsc --project overview

$(PAGE_CHECKS)/node_modules/.ready: $(PAGE_CHECKS)/package-lock.json
	cd $(PAGE_CHECKS) && npm ci --silent --no-audit --no-fund && touch node_modules/.ready

$(SCHEMA_LINT)/node_modules/.ready: $(SCHEMA_LINT)/package-lock.json
	cd $(SCHEMA_LINT) && npm ci --silent --no-audit --no-fund && touch node_modules/.ready

schema: setup
	$(RUN)python -m schema.types.sdl > schema/schema.graphql.new && mv schema/schema.graphql.new schema/schema.graphql
	$(RUN)python -m overview.declarations > overview/operations.d.ts.new && mv overview/operations.d.ts.new overview/operations.d.ts

# What is deployed: the lock without development's own packages; the group is in the keeper's artifact only.
LOCKED = $(UV) export --quiet --frozen --no-default-groups --group keeper --no-emit-project

licences: setup
	sh deploy/licences.sh "$$($(LOCKED) --no-hashes --no-annotate --no-header | cut -d= -f1)" > docs/licences.md

# Needs the network, so `test` does not include it. When the vulnerability data cannot be fetched it says so and passes.
audit: setup
	@mkdir -p build && rm -f build/audit.md
	@$(LOCKED) --output-file build/locked.txt > /dev/null
	@$(UV) tool run --quiet "pip-audit>=2,<3" --requirement build/locked.txt --disable-pip \
	  --format markdown --output build/audit.md 2> build/audit.log \
	  || { test ! -e build/audit.md && echo "not audited: the vulnerability data could not be fetched (build/audit.log)"; } \
	  || { cat build/audit.md; false; }

# ── Measurements. QUICK=1 takes two minutes and only shows that everything still works; a missing peer is skipped. ──
PEERS := benchmarks/peers
COMPARED := build/bench
bench: setup .tools/ric/bin/python
	-@$(MAKE) --keep-going --silent bench-peers
	$(RUN)python -m benchmarks

bench-ledger: setup
	$(RUN)python -m benchmarks.ledger

bench-filling: setup
	$(RUN)python -m benchmarks.filling

load: setup
	$(RUN)python -m benchmarks.load

profile: setup bench-peers
	$(RUN)python -m benchmarks.profiling

bench-peers: $(COMPARED)/python/.ready $(COMPARED)/strawberry/.ready $(COMPARED)/ariadne/.ready $(COMPARED)/node/.ready

$(COMPARED)/python/.ready: $(PEERS)/requirements.txt | $(UV)
	$(UV) venv --quiet --clear --python 3.13 $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D)/bin/python -r $<
	@touch $@

# The packages as pip would install them into an artifact, with bytecode.
$(COMPARED)/%/.ready: $(PEERS)/%/requirements.txt | $(UV) .tools/ric/bin/python
	$(UV) pip install --quiet --compile-bytecode --python .tools/ric/bin/python --target $(@D) -r $<
	@touch $@

$(COMPARED)/node/.ready: $(PEERS)/node/package-lock.json $(wildcard $(PEERS)/node/*.mjs)
	cd $(PEERS)/node && npm ci --silent --no-audit --no-fund
	for peer in apollo yoga; do (cd $(PEERS)/node && node_modules/.bin/esbuild $$peer-lambda.mjs --bundle --minify \
	  --platform=node --target=node20 --format=cjs --log-level=warning --outfile=../../../$(@D)/$$peer.cjs) || exit 1; done
	@touch $@

# ── Deployment. ARCH is the functions' processor: arm64 or x86_64. ──
ARCH ?= arm64
DEPLOY_FLAGS ?= --guided
SAM := .tools/sam/bin/sam
export ARCH
export SAM_CLI_TELEMETRY := 0

build: setup $(SAM)
	$(SAM) build --parameter-overrides Architecture=$(ARCH)
	$(RUN)python -m deploy.artifact $(ARCH) api
	$(RUN)python -m deploy.artifact $(ARCH) keeper

# Called by `sam build`, which names the folder to fill.
build-GraphqlApi build-Exporter: setup
	$(RUN)python -m deploy.artifact $(ARCH) api $(ARTIFACTS_DIR)

build-Keeper: setup
	$(RUN)python -m deploy.artifact $(ARCH) keeper $(ARTIFACTS_DIR)

deploy: build
	$(SAM) deploy $(DEPLOY_FLAGS) --parameter-overrides Architecture=$(ARCH)

deploy-check: setup deploy-tools
	$(RUN)python -m deploy.check

# Each tool in an environment of its own, so that none of them changes what is tested.
deploy-tools: $(SAM) .tools/ministack/bin/ministack .tools/ric/bin/python .tools/checkov/bin/checkov .tools/aws/bin/aws

$(SAM): | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/sam
	$(UV) pip install --quiet --python .tools/sam/bin/python "aws-sam-cli==1.170.*"

.tools/ministack/bin/ministack: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/ministack
	$(UV) pip install --quiet --python .tools/ministack/bin/python "ministack[full]==1.5.*"

# The runtime's own environment: the runtime client and boto3, as in Lambda; an artifact must bring everything else.
.tools/ric/bin/python: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/ric
	$(UV) pip install --quiet --python $@ "awslambdaric==4.2.*" "boto3>=1.44"

.tools/checkov/bin/checkov: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/checkov
	$(UV) pip install --quiet --python .tools/checkov/bin/python "checkov==3.3.*"

.tools/aws/bin/aws: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/aws
	$(UV) pip install --quiet --python .tools/aws/bin/python "awscli==1.46.*"

# The clients that docs/clients.md shows, for the tests that run its blocks.
clients-tools: tests/clients/node_modules/.package-lock.json .tools/clients/.ready

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	cd tests/clients && npm ci --silent --no-audit --no-fund
	@touch $@

.tools/clients/.ready: tests/clients/requirements.txt | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/clients
	$(UV) pip install --quiet --python .tools/clients/bin/python -r $<
	@touch $@
