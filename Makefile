# Two commands for a newcomer: `make demo` and `make test`. Both make .venv and install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# One thread of linear algebra, as every task of ours runs; the tests share the cores. Bytecode is
# kept: hundreds of programs that the tests start read it.
ENV := PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Tests that stand together share what they are made with: each core takes one run of them.
PARALLEL := -n auto --dist worksteal
PYTEST := $(ENV) $(BIN)/pytest $(PARALLEL)
ARGS ?=
WHEEL_TESTS := demo suites packaging architecture cli_main cli_list simulator_presets leaderboard_page

.PHONY: demo test test-all test-wheel lint bench bench-peers clean

demo: $(VENV)/.demo
	$(BIN)/exobench demo $(ARGS)

test: $(VENV)/.test
	$(PYTEST) -m "not slow" $(ARGS)

# With every extra: what `make test` skips for a missing one runs here, and the slow tests too.
test-all: $(VENV)/.test-all
	$(PYTEST) -m "not exhaustive" $(ARGS)

# The built wheel with what it says it needs and no more: its files, its program, its page, the demo.
test-wheel: $(VENV)/.test
	rm -rf dist .venv-wheel
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		"exobench[leaderboard] @ file://$(CURDIR)/$$(ls dist/*.whl)" pytest pytest-xdist
	$(ENV) .venv-wheel/bin/pytest -n auto --dist loadfile -m "not exhaustive" \
		$(WHEEL_TESTS:%=tests/test_%.py) $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	.ci/mypy $(BIN)/mypy

bench: $(VENV)/.test
	$(ENV) $(BIN)/pytest benchmarks -m "not peers" $(ARGS)

bench-peers: $(VENV)/.test-all
	$(ENV) $(BIN)/pytest benchmarks -m "not exhaustive" $(ARGS)

clean:
	rm -rf .venv .venv-wheel build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[leaderboard]"
	touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[dev,leaderboard]"
	touch $@

$(VENV)/.test-all: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[dev,leaderboard,torch,jax,peers,distributed]"
	touch $@
