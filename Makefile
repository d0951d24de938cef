# Everything a user runs, from a machine with make and Python 3.11 or 3.12.
#
# Two environments' worth of packages, one folder: `make figures` needs the libraries that
# compute and draw, so it installs only those; the tests also need pytest, ruff, pyright,
# the notebook server and pillow, which cost half as much again to download and unpack.
# `make test-browser` needs a browser's driver on top. Each has a stamp. A stamp is older than pyproject.toml or the pinned versions only when
# those changed: then the pins are installed again, over what is there. PYTHON is part of
# their name, so that asking for another Python is noticed.

VENV ?= .venv
PYTHON ?=
PRESET ?= quick
OUT ?= results
PYTEST_ARGS ?= -n 2 --dist loadfile

BIN := $(VENV)/bin
STAMP := .driftlab$(addprefix -,$(notdir $(PYTHON)))
CORE := $(VENV)/$(STAMP)-core
DEV := $(VENV)/$(STAMP)-dev
BROWSER := $(VENV)/$(STAMP)-browser
PINS := pyproject.toml $(wildcard constraints/*.txt)

.DEFAULT_GOAL := help
.NOTPARALLEL:  # two installs into one folder would break it
.PHONY: help figures report test test-browser lint types check env env-dev clean distclean

help:  ## show this list
	@echo "make figures    simulate, draw and judge every figure; the last line names the report"
	@echo "make report     write the report again from stored results"
	@echo "make test       pytest, ruff check, ruff format --check"
	@echo "make test-browser  the notebooks in headless Chromium, which has to be installed"
	@echo "make check      make test, then pyright on theory/ and sim/"
	@echo "make lint       ruff check, ruff format --check"
	@echo "make env        only create $(VENV) (env-dev: with what the tests need too)"
	@echo "make clean      delete caches and builds (distclean: $(VENV) too); results stay"
	@echo
	@echo "PRESET=$(PRESET) OUT=$(OUT) VENV=$(VENV) PYTHON=python3.12 PYTEST_ARGS='-n 0 -k grid'"

figures: $(CORE)
	@$(BIN)/driftlab figures --preset $(PRESET) --out $(OUT)

report: $(CORE)
	@$(BIN)/driftlab report --out $(OUT)

test: $(DEV)
	@$(call step,pytest,$(BIN)/python -m pytest -q $(PYTEST_ARGS))
	@$(MAKE) --no-print-directory lint

test-browser: $(BROWSER)
	@$(call step,pytest -m browser,$(BIN)/python -m pytest -q -m browser tests/notebooks)

lint: $(DEV)
	@$(call step,ruff check,$(BIN)/ruff check --output-format concise .)
	@$(call step,ruff format --check,$(BIN)/ruff format --check --output-format concise .)

types: $(DEV)
	@$(call step,pyright,$(BIN)/pyright --pythonpath $(BIN)/python)

check: test types

env: $(CORE)

env-dev: $(DEV)

$(CORE): $(PINS)
	@$(call install,.)
	@touch $@

$(DEV): $(PINS)
	@$(call install,.[app$(comma)dev$(comma)images])
	@touch $(CORE) $@

$(BROWSER): $(PINS)
	@$(call install,.[dev$(comma)images$(comma)browser])
	@touch $(CORE) $(DEV) $@

clean:
	@rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	@find theory sim figures tests notebooks -name __pycache__ -type d -prune \
		-exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)

comma := ,

# $(call step,name,command): one line before, one line when it fails.
define step
echo "== $(1)"; $(2) || { echo "FAILED: $(1)" >&2; exit 1; }
endef

SUPPORTED := import sys, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))

# $(call install,requirement): a usable $(VENV) with the pinned versions in it. An existing
# one is kept while its Python is supported, its pip runs, and PYTHON asks for no other.
define install
set -e; \
version() { "$$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }; \
supported() { "$$1" -c '$(SUPPORTED)' >/dev/null 2>&1; }; \
python=; \
for candidate in $(or $(PYTHON),python3.12 python3.11 python3); do \
  if supported "$$candidate"; then python=$$candidate; break; fi; \
done; \
if supported $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 && \
   [ -z "$(PYTHON)" -o "$$(version $(BIN)/python)" = "$$(version "$${python:-:}")" ]; \
then :; \
elif [ -n "$$python" ]; then \
  echo "Creating $(VENV) with Python $$(version "$$python")"; \
  "$$python" -m venv --clear $(VENV); \
else \
  echo "No usable Python: $(or $(PYTHON),python3.12$(comma) python3.11$(comma) python3)" \
    "is not Python 3.11 or 3.12 with its venv module." \
    "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
  exit 1; \
fi; \
pins=constraints/py$$(version $(BIN)/python | tr -d .).txt; \
echo "Installing driftlab with the versions in $$pins (a minute or two the first time)"; \
$(BIN)/python -m pip install -q -q --disable-pip-version-check \
  --editable "$(1)" --constraint "$$pins" \
  || { echo "FAILED: installing into $(VENV)" >&2; exit 1; }
endef
