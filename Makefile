# `make lab` and `make test` each work as the first command in a fresh clone, and
# without a network from the second time on.

PYTHON ?= python3
PORT ?= 8888
BROWSER ?= yes
CONSTRAINTS ?= constraints.txt
BIN := .venv/bin
# One heap for all threads. Else glibc gives autograd's thread one of its own, whose free
# memory nobody else gets.
export MALLOC_ARENA_MAX := 1
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.DEFAULT_GOAL := help
.PHONY: help lab tensorflow test lint test-fast test-lessons test-tensorflow fetch soak site format notebooks release clean clean-site chromium soffice

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: .venv/lab ## Open JupyterLab on lesson 00 (PORT=8888, BROWSER=yes|no)
	$(BIN)/labkit fetch
	env PATH="$(CURDIR)/$(BIN):$$PATH" jupyter lab --port=$(PORT) $(if $(filter no,$(BROWSER)),--no-browser) \
	  $(if $(filter 0,$(shell id -u)),--allow-root) \
	  --ServerApp.root_dir="$(CURDIR)" --LabApp.app_settings_dir="$(CURDIR)/jupyter" \
	  --LabApp.extension_manager=readonly \
	  --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

tensorflow: .venv/tensorflow ## Add TensorFlow (1.4 GB), which the appendix alone needs

test: lint chromium fetch ## Lint, types, tests, and every notebook from top to bottom
	$(BIN)/pytest tests --numprocesses 2 --dist loadfile
	$(MAKE) test-lessons

lint: .venv/test ## Format, types, imports, dependencies, notebooks without outputs
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

test-fast: fetch ## The tests that need neither training nor notebooks
	$(BIN)/pytest tests -m "not slow and not soak"

test-lessons: fetch ## Every lesson, run and broken, and held to its minutes; two at a time
	$(BIN)/pytest notebooks --ignore notebooks/appendix_tensorflow.ipynb --numprocesses 2 --dist loadfile

test-tensorflow: fetch .venv/tensorflow ## The appendix likewise, with TensorFlow
	$(BIN)/pytest notebooks/appendix_tensorflow.ipynb

fetch: .venv/test
	$(BIN)/labkit fetch
	$(BIN)/labkit fetch pretraining

soak: .venv/test soffice ## Try the grader for hours: each answer 50 times, 2,000 submissions
	LABKIT_SOAK=50 LABKIT_FUZZ=2000 $(BIN)/pytest tests/grading -m "soak or not soak"

site: .venv/site ## Build the site in build/site; a lesson is executed when its code changed
	$(BIN)/labkit fetch
	$(BIN)/python -m sphinx --quiet --fail-on-warning -c docs . build/site

format: .venv/test ## Format the code and the notebooks
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(MAKE) notebooks

notebooks: .venv/test ## Clear outputs and normalise metadata, keeping cell ids
	$(BIN)/nbstripout --keep-id --extra-keys metadata.language_info notebooks/*.ipynb solutions/*/*.ipynb

release: .venv/test ## Write exercises/ from solutions/, the solutions cleared
	$(BIN)/labkit release

clean: ## Remove the environment (the cache of weights and data stays)
	rm -rf .venv

clean-site: ## Remove the site, and what its lessons gave
	rm -rf build/site build/executed

# The browser test wants one. A reader's machine is left alone: there the test is skipped.
chromium:
	@test "$(CI)" != true || $(PYTHON) tests/chromium.py || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install --yes chromium; }

# A spreadsheet, for the test of what it does to a table of marks.
soffice:
	@command -v soffice > /dev/null || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install --yes --no-install-recommends libreoffice-calc libreoffice-l10n-de; }

# A stamp is written only after its install succeeded, so a killed one is done again.
# Lesson 16 serves what it trained: hence the extra.
.venv/lab: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("labkit needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12 …" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[serve]'
	touch $@

.venv/test: .venv/lab
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test]'
	touch $@

.venv/tensorflow: .venv/lab
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[tensorflow]'
	touch $@

.venv/site: .venv/lab
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[site]'
	touch $@
