# make demo          start Label Studio and the backend with a ready project, print the address
# make demo CHECK=1  the same, then label 60 tasks and print the accuracy before the first one and per batch
# make test          install what is missing, run all tests
# make coverage      the unit tests, and which lines they do not reach; takes nearly twice as long
# make unit          the tests that need no Label Studio, no browser and no network, in parallel
# make e2e           the tests against a real Label Studio and a real Chromium, in two processes
# make check         ruff and mypy
# make label-studio  install Label Studio into its own environment; the demo and the end-to-end tests do it if needed
# make label-studio-data  start Label Studio once and keep its database, from which the end-to-end tests start others
# make docs          the documentation with the API reference, in site/
# make audit         known vulnerabilities of the packages in requirements*.txt; needs internet
# make benchmark     a quick form of the benchmarks, compared with the stored baseline
# make screenshots   take the pictures in docs/images again
# With UV=uv, or where uv is, packages are installed by uv instead of pip, in a fraction of the time.
# With unit, e2e and test, ARGS='tests/web -k setup' is passed to pytest. WORKERS is the number of processes of the unit
# tests, E2E_WORKERS that of the others: each starts a Label Studio, backends and a Chromium, and needs 3 GB of memory.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
E2E_WORKERS ?= 2
RESULTS := build/tests
SLOW := e2e or browser
PYTEST := $(BIN)/python -m pytest
RUN_UNIT := $(PYTEST) -m "not ($(SLOW))" -n $(WORKERS) --dist worksteal
RUN_E2E := $(PYTEST) -m "$(SLOW)" -n $(E2E_WORKERS) --dist worksteal
# Byte code is written when a module is first imported: compiling every module of torch and the others takes a minute.
# It has to be written, since tests and the demo start hundreds of processes, and each would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=
PIP_INSTALL := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/pip install --quiet --no-compile)
MAKE_VENV := $(if $(UV),$(UV) venv --quiet --python $(PYTHON),$(PYTHON) -m venv)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV

.PHONY: demo test unit e2e check docs benchmark install install-dev install-docs label-studio label-studio-data clean browser screenshots audit coverage

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev
install-docs: $(VENV)/.installed-docs

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(MAKE_VENV) $(VENV)
	$(PIP_INSTALL) "$$(grep '^torch==' requirements.txt)"
	$(PIP_INSTALL) -r requirements.txt
	$(PIP_INSTALL) --no-deps -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(PIP_INSTALL) -r requirements-dev.txt
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-dev requirements-docs.txt
	$(PIP_INSTALL) -r requirements-docs.txt
	touch $@

label-studio: install
	$(BIN)/python -c "from pathlib import Path; from ml_backend.commands.demo.label_studio_process import installed; installed(Path('.venv-labelstudio'))"

# A Label Studio that was started once, of which the end-to-end tests start copies; they make it if it is missing.
label-studio-data: label-studio
	$(BIN)/python tests/fresh_label_studio.py

demo: install
	$(BIN)/python -m ml_backend demo $(if $(CHECK),--check)

unit: install-dev
	$(RUN_UNIT) $(ARGS)

e2e: install-dev browser
	$(RUN_E2E) $(ARGS)

# Both parts run even if the first one fails. pytest exits with status 5 if ARGS selects no test of a part.
test: install-dev browser
	@rm -rf $(RESULTS) && mkdir -p $(RESULTS); status=0; \
	$(RUN_UNIT) --junitxml=$(RESULTS)/unit.xml $(ARGS) \
	  || { ended=$$?; [ $$ended -eq 5 ] || status=$$ended; }; \
	$(RUN_E2E) --junitxml=$(RESULTS)/e2e.xml $(ARGS) || { ended=$$?; [ $$ended -eq 5 ] || status=$$ended; }; \
	$(BIN)/python tests/summary.py $(RESULTS)/*.xml; exit $$status

# Of the unit tests, since end-to-end tests run the code in processes that they kill.
coverage: install-dev
	$(RUN_UNIT) --cov=ml_backend --cov=simulator --cov-report= $(ARGS)
	$(BIN)/coverage report --skip-covered --sort=cover

# The browser tests drive a Chromium; if none can be installed, they are skipped with a reason.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-noto-core; } || \
	  echo "Chromium is missing and could not be installed; the browser tests are skipped"

screenshots: install-dev browser
	TEST_SCREENSHOTS=1 $(PYTEST) tests/e2e/test_browser.py -k pictures
	PYTHONPATH=. $(BIN)/python tests/pictures_of_pages.py docs/images

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# In an environment of its own, since pip-audit needs other versions of some packages.
audit:
	test -x build/audit/bin/pip-audit || ($(PYTHON) -m venv build/audit && build/audit/bin/pip install --quiet pip-audit)
	build/audit/bin/pip-audit --disable-pip --no-deps $(foreach file,$(wildcard requirements*.txt),-r $(file))

benchmark: install-dev
	$(BIN)/python benchmarks/compare.py

clean:
	rm -rf $(VENV) .venv-labelstudio .demo build site .coverage
