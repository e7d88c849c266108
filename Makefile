# make run        train with configs/vgg16.json (CONFIG=... for another config)
# make test       all checks and the whole test suite (SEED=123 for another order of the tests,
#                 PYTEST="tests/config -k yaml" for some of them)
# make test-bare  the first commands of README.md as on a new machine; see scripts/test_bare.sh
# make browser    install a browser for the tests of web pages, if there is none
# make test-lowest  the tests with the lowest versions that setup.cfg allows
# make check      make lint (formatting, lint, layers) and make types
# make check-editors  the shipped configs as VS Code checks and completes them; needs Node.js
# make bench      speed against plain Keras (BENCH="--images 3000" for more)
# make docs       generate the catalogues of Keras and KerasHub and docs/config.md again
# make samples    results/samples/ again, from MNIST=mnist.npz WEIGHTS=vgg16_notop.weights.h5 PHOTOS=photos
# make results    the tables of docs/results.md again, from the same; CHECK=3 compares three rows of each
# make tutorial   the notebook, numbers and pictures of docs/tutorial.md again, from the same
# make site       build the documentation site in build/site/; build/site/index.html opens from the disk
# make dist       build the source distribution and the wheel in dist/
# make test-wheel  install the wheel in an empty environment, and train with it outside the clone

PYTHON ?= python3
CONFIG ?= configs/vgg16.json
BENCH ?=
MNIST ?= mnist.npz
WEIGHTS ?= vgg16_notop.weights.h5
PHOTOS ?= photos
CHECK ?=
SEED ?=
PYTEST ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES = --mnist $(MNIST) --weights $(WEIGHTS) --photographs $(PHOTOS)
PACKAGING := setup.cfg pyproject.toml constraints.txt

.PHONY: run test test-bare test-lowest test-wheel browser check check-editors lint types bench samples results \
  tutorial docs site dist constraints clean

run: .venv/installed .vscode/config.schema.json
	$(BIN)/python run.py --config $(CONFIG)

test: check
	$(BIN)/python -m pytest $(if $(SEED),--random-order --random-order-seed=$(SEED)) $(PYTEST)

test-bare:
	@scripts/test_bare.sh

browser: .venv/installed-all
	@scripts/get_browser.sh

test-lowest: .venv-lowest/installed
	.venv-lowest/bin/python -m pytest $(PYTEST)

check: lint types

check-editors: .venv/installed
	@scripts/check_editors.sh

# What .vscode/settings.json names.
.vscode/config.schema.json: .venv/installed framework/config/catalog.json
	@mkdir -p $(@D) && $(BIN)/python run.py schema > $@.new && mv $@.new $@

# .pre-commit-config.yaml has the same commands.
lint: .venv/installed-all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: .venv/installed-all
	$(BIN)/mypy

bench: .venv/installed-all
	$(BIN)/python -m benchmarks.against_keras $(BENCH)

samples: .venv/installed
	$(BIN)/python -m scripts.make_samples $(SOURCES)

results: .venv/installed
	$(BIN)/python -m scripts.make_results $(SOURCES) $(if $(CHECK),--check $(CHECK))

tutorial: .venv/installed-all
	$(BIN)/python -m scripts.make_tutorial $(SOURCES)

docs: .venv/installed-all
	$(BIN)/python -m scripts.make_catalog
	$(BIN)/python -m scripts.hub_presets
	$(BIN)/python -m scripts.make_config_docs

# As `mkdocs build --strict`.
site: .venv/installed-all
	$(BIN)/python -m scripts.make_site build/site

dist: .venv-dist/installed
	rm -rf dist
	.venv-dist/bin/python -m build
	.venv-dist/bin/python -m twine check --strict dist/*

test-wheel: dist
	@PYTHON=$(PYTHON) scripts/test_wheel.sh dist/*.whl

# Write the versions of this environment as those that `make run` and `make test` install.
constraints: .venv/installed-all
	{ echo "# What \`make run\` and \`make test\` install. Written by: make constraints"; \
	  $(BIN)/python -m pip freeze --exclude-editable | grep -v "^#"; } > constraints.txt

# venv writes this file last: after an interruption the environment is created again.
.venv/bin/activate:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(not ((3, 11) <= v < (3, 12) or (3, 12, 2) <= v < (3, 14)))' || \
	  { echo "Python 3.11, 3.12 (from 3.12.2) or 3.13 is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/installed: .venv/bin/activate $(PACKAGING)
	@echo "Installing TensorFlow and the other dependencies (a minute or two, once) ..."
	$(PIP) --editable .
	@touch $@

.venv/installed-all: .venv/installed $(PACKAGING)
	$(PIP) --editable '.[all,test]'
	@touch $@

# The lowest versions that setup.cfg allows; pip has no option for that, uv has.
.venv-lowest/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
	  --resolution lowest-direct --editable '.[all,test]'
	@touch $@

# Tools that build, check and upload a release; nothing else needs them.
.venv-dist/installed:
	$(PYTHON) -m venv --clear .venv-dist
	.venv-dist/bin/python -m pip install --quiet --disable-pip-version-check 'build>=1.2' 'twine>=6.1'
	@touch $@

clean:
	rm -rf .venv .venv-lowest .venv-dist build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
