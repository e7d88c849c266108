# make run      train with configs/vgg16.json (CONFIG=... for another config)
# make test     all checks and the whole test suite
# make check    formatting, lint, types, floors
# make bench    speed against plain Keras (BENCH="--images 3000" for more)
# make docs     write what is generated anew: catalogue, docs/config.md

PYTHON ?= python3
CONFIG ?= configs/vgg16.json
BENCH ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PACKAGING := setup.cfg pyproject.toml constraints.txt

.PHONY: run test check bench docs constraints clean

run: .venv/installed
	$(BIN)/python run.py --config $(CONFIG)

test: check
	$(BIN)/python -m pytest

check: .venv/installed-all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed-all
	$(BIN)/python -m benchmarks.against_keras $(BENCH)

docs: .venv/installed-all
	$(BIN)/python -m scripts.make_catalog
	$(BIN)/python -m scripts.make_config_docs

# The versions that `make run` and `make test` install, as this environment has them.
constraints: .venv/installed-all
	{ echo "# What \`make run\` and \`make test\` install. Written by: make constraints"; \
	  $(BIN)/python -m pip freeze --exclude-editable | grep -v "^#"; } > constraints.txt

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python $(PACKAGING)
	@echo "Installing TensorFlow and the other dependencies (a minute or two, once) ..."
	$(PIP) --editable .
	@touch $@

.venv/installed-all: .venv/installed $(PACKAGING)
	$(PIP) --editable '.[all,test]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
