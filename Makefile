# Every target does its own set-up; all it needs is Python 3 (from 3.9), pip and make (and Node/npm where a target says so).
UV := .tools/bin/uv
RUN := .venv/bin/
PORT ?= 8000
export UV_PYTHON_PREFERENCE ?= system

.PHONY: setup run test lint schema
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
