# Every target makes what it needs: on a fresh machine `make demo` or `make test` is the first and only command.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint format notebooks bench bench-large bench-scaling clean

demo: $(READY)
	@$(BIN)/mejax 'mixed weight week || id: week, covariance(unstructured)' --data pig

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Executes the notebooks and stores their outputs in them; the tests compare with what is stored.
notebooks: $(READY)
	@$(BIN)/python -m notebooks.execute

# Minutes on a laptop: nobody gets more than one for a case.
bench: $(READY)
	@$(BIN)/python -m benchmarks --limit 60

# Hours: millions of rows, with a limit of ten minutes for every peer and case.
bench-large: $(READY)
	@$(BIN)/python -m benchmarks --large

# Hours too: how time and memory grow with rows, levels and density.
bench-scaling: $(READY)
	@$(BIN)/python -m benchmarks.scaling

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("mejax needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,plot]'
	@touch $(READY)

clean:
	rm -rf $(VENV) benchmarks/.envs benchmarks/results build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
