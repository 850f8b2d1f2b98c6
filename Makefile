# make demo    the whole story on generated phantoms       make check   style and types
# make test    the tests, without the slow ones            make bench   the measured tables
# make test-slow  the slow ones                            make clean   all that these made
# Each sets up its own environment in .venv first. PYTHON=python3.12 make test takes another Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
SOURCES := src tests benchmarks
# processes; JOBS=0: none but this one
JOBS ?= 2
ARGS ?=

.PHONY: help demo test test-slow check format bench clean
.DELETE_ON_ERROR:

help:
	@sed -n '1,4s/^# //p' Makefile

demo: $(VENV)/.installed
	rm -rf demo-run
	$(BIN)/overread demo -o demo-run $(ARGS)

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) -m "not slow" $(ARGS)

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -m slow $(ARGS) || [ $$? -eq 5 ]  # 5: there is none

check: $(VENV)/.installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/audit.py $(ARGS)

clean:
	rm -rf $(VENV) demo-run build dist .pytest_cache .mypy_cache .ruff_cache src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools is pinned like everything else: so no isolated build, which would fetch the newest
$(VENV)/.made: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Overread needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing into $(VENV) (once; a minute or more) ..."
	$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	@echo "Installing into $(VENV) with the tools of development (once; a minute or more) ..."
	$(PIP) --no-build-isolation -e '.[dev]'
	@touch $(VENV)/.installed $@
