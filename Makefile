# Every target does its own set-up; all it needs is Python 3 (from 3.9), pip and make (and Node/npm where a target says so).
UV := .tools/bin/uv
RUN := .venv/bin/
PORT ?= 8000
export UV_PYTHON_PREFERENCE ?= system

.PHONY: setup run test lint schema build deploy deploy-check deploy-tools
setup: .venv/.ready

$(UV):
	python3 -m pip install --quiet --disable-pip-version-check --target .tools "uv>=0.9,<1"

.venv/.ready: pyproject.toml uv.lock .python-version | $(UV)
	$(UV) sync --frozen --quiet
	@touch $@

run: setup
	PORT=$(PORT) $(RUN)python -m local

test: lint
	$(RUN)pytest -n 2 --cov --cov-report=term:skip-covered

lint: setup
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports

schema: setup
	$(RUN)python -m schema.sdl > schema/schema.graphql

# ── Deployment. ARCH is the functions' processor: arm64 or x86_64. ──
ARCH ?= arm64
DEPLOY_FLAGS ?= --guided
SAM := .tools/sam/bin/sam
export ARCH
export SAM_CLI_TELEMETRY := 0

build: setup $(SAM)
	$(SAM) build --parameter-overrides Architecture=$(ARCH)
	$(RUN)python -m deploy.artifact $(ARCH)

# Called by `sam build`, which names the folder to fill.
build-GraphqlApi build-Keeper build-Exporter: setup
	$(RUN)python -m deploy.artifact $(ARCH) $(ARTIFACTS_DIR)

deploy: build
	$(SAM) deploy $(DEPLOY_FLAGS) --parameter-overrides Architecture=$(ARCH)

deploy-check: setup deploy-tools
	$(RUN)python -m deploy.check

# Each tool in an environment of its own: none of them may touch what is tested.
deploy-tools: $(SAM) .tools/ministack/bin/ministack .tools/ric/bin/python .tools/checkov/bin/checkov

$(SAM): | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/sam
	$(UV) pip install --quiet --python .tools/sam/bin/python "aws-sam-cli==1.170.*"

.tools/ministack/bin/ministack: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/ministack
	$(UV) pip install --quiet --python .tools/ministack/bin/python "ministack[full]==1.5.*"

# The runtime's own venv: the runtime client and boto3, as in Lambda, and nothing else that an artifact could lean on.
.tools/ric/bin/python: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/ric
	$(UV) pip install --quiet --python $@ "awslambdaric==4.2.*" "boto3>=1.44"

.tools/checkov/bin/checkov: | $(UV)
	$(UV) venv --quiet --clear --python 3.13 .tools/checkov
	$(UV) pip install --quiet --python .tools/checkov/bin/python "checkov==3.3.*"
