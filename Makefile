# Python 3.11 or later, make and a package index are all that is needed; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/set-up
UV := .venv/lock/bin/uv
PYTEST := -m pytest --numprocesses 4 --dist worksteal
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-header --no-emit-index-url --upgrade

# The tests start hundreds of processes: where this is set, each of them would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-long test-lowest test-duckdb test-spark check regenerate lock bench clean
.DEFAULT_GOAL := test

$(SETUP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=/path/to/it")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(SETUP)  ## send the sample events to the sandbox, or to Gameball if its keys are in the environment; EVENTS=file.jsonl sends your own file
	@$(BIN)/gameball demo $(EVENTS) $(if $(EVENTS),,|| [ $$? -eq 3 ])  # some of the bundled items fail on purpose

test: $(SETUP)  ## run the tests
	$(BIN)/python $(PYTEST)

test-long: export GAMEBALL_TEST_REPETITIONS ?= 10
test-long: $(SETUP)  ## repeat random faults, kills, forks and interrupts ten times as often; GAMEBALL_TEST_REPETITIONS sets another number
	$(BIN)/python $(PYTEST) -m repeated

test-lowest: $(UV)  ## run the tests of the package with the oldest dependencies that pyproject.toml allows
	$(UV) venv --quiet --clear --python $(PYTHON) .venv/lowest
	$(UV) pip compile --quiet --resolution lowest-direct --all-extras --no-annotate --no-header \
		--output-file .venv/lowest/requirements.txt pyproject.toml
	$(UV) pip install --quiet --python .venv/lowest/bin/python --requirement .venv/lowest/requirements.txt \
		--group tests --editable .
	.venv/lowest/bin/python $(PYTEST) -p no:cacheprovider --ignore=tests/examples --ignore=tests/scripts \
		--ignore=tests/sandbox/test_app_conformity.py --ignore=tests/test_wheel.py

test-duckdb: .venv/duckdb/set-up  ## run the tests of queries with the DuckDB that has packaged extensions, for PostgreSQL, SQLite and Excel
	PYTHONPATH="$(CURDIR)/.venv/duckdb" $(BIN)/python $(PYTEST) tests/sources/tables tests/cli/send/test_command_sql*.py

.venv/duckdb/set-up: requirements-duckdb.txt | $(SETUP)
	rm -rf .venv/duckdb
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --target .venv/duckdb --requirement requirements-duckdb.txt
	@touch $@

test-spark: .venv/spark/set-up  ## run the tests with Spark (needs Java 17); GAMEBALL_SPARK_ROWS sets the number of rows
	.venv/spark/bin/python -m pytest -p no:cacheprovider tests/spark $(SPARK_TESTS)

.venv/spark/set-up: requirements-spark.txt | $(SETUP)
	$(PYTHON) -m venv --clear .venv/spark
	.venv/spark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-spark.txt
	printf '%s\n' "$(CURDIR)" "$(CURDIR)/generated" > "$$(.venv/spark/bin/python -c 'import site; print(site.getsitepackages()[0])')/gameball.pth"
	@touch $@

check: $(SETUP)  ## linters, types, and generated/ against a fresh run of the generator
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy --no-warn-redundant-casts generated/gameball_api  # the generator casts more than it needs
	$(BIN)/python scripts/regenerate.py --check

regenerate: $(SETUP)  ## rewrite generated/ from openapi.yaml and scripts/overlay.yaml; FROM="SOURCE ..." takes openapi.yaml from what Gameball publishes first
	$(BIN)/python scripts/regenerate.py $(if $(FROM),--from $(FROM))

bench: $(SETUP)  ## run the benchmark, and print its tables
	$(BIN)/python scripts/bench.py

$(UV): $(SETUP)
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check uv

lock: $(UV)  ## update the locked development dependencies
	$(COMPILE) --all-extras --group dev --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) --extra arrow --extra sandbox --group spark --output-file requirements-spark.txt pyproject.toml
	$(COMPILE) --group duckdb-extensions --output-file requirements-duckdb.txt

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
