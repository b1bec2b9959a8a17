# make demo   a simulated company through the whole loop
# make test   tests, types, lint and import contracts; says what it skipped and how to get it
.PHONY: demo test install develop lint docs bench clean

PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Quarterdeck needs Python 3.11 or newer; call make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (once, about a minute) ..."
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e . || { rm -f $@; exit 1; }
	@touch $@

.venv/.develop: .venv/.installed
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,spark]'
	@touch $@

install: .venv/.installed

develop: .venv/.develop

demo: .venv/.installed
	@rm -rf $(DEMO)
	@$(BIN)/quarterdeck simulate $(DEMO) --kind software --opportunities 3000 --seed 1
	@$(BIN)/quarterdeck run $(DEMO) --as-of 2026-07-01

lint: .venv/.develop
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint
	@$(BIN)/python -m pytest -q -rs -n 2 --dist worksteal -m "not long" $(PYTEST)
	@echo "Skips above name what they need; the public data folder, PostgreSQL and Chromium are optional here."

docs: .venv/.develop
	@$(BIN)/python -m quarterdeck.interfaces.reference docs/reference

bench: .venv/.develop
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv $(DEMO) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
