# make demo          start Label Studio and the backend with a ready project, print the address
# make demo CHECK=1  the same, then label 60 tasks and print accuracy per batch
# make test          install what is missing, run all tests
# make check         ruff and mypy
# make screenshots   take the pictures of docs/images anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check install install-dev clean browser screenshots

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$$(grep '^torch==' requirements.txt)"
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

demo: install
	$(BIN)/python -m ml_backend demo $(if $(CHECK),--check)

test: install-dev browser
	$(BIN)/python -m pytest $(ARGS)

# The browser tests drive a Chromium; where none can be installed they are skipped and say so.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-noto-core; } || \
	  echo "Chromium is missing and could not be installed; the browser tests are skipped"

screenshots: install-dev browser
	TEST_SCREENSHOTS=1 $(BIN)/python -m pytest tests/e2e/test_browser.py -k pictures

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-labelstudio .demo
