# Every command of this project. `make` alone lists them.
# ARGS='…' goes to the command behind the target; PYTHON=… chooses the interpreter .venv is made with.

BIN := .venv/bin
ARGS ?=
SHARE ?= 1
# One worker for each core, a module or class in one of them; ARGS=-n0 runs all in one process, as a debugger wants it.
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses=auto --dist=loadscope
# Measuring what is covered doubles the time: what goes through screens and units is measured; whole programs, databases
# and what runs one function thousands of times run beside it. In both lists what takes long comes first, so that no
# core waits at the end for the other.
SCREENS := $(filter-out %_probed.py %_server.py,$(wildcard tests/e2e/test_screens*.py)) tests/e2e/test_unlock.py
SLOWEST := tests/e2e/test_deb.py tests/e2e/test_field_day.py tests/e2e/test_console_policy.py tests/e2e/test_two_tablets.py
PROGRAMS := $(SLOWEST) $(filter-out $(SCREENS) $(SLOWEST),$(wildcard tests/e2e/test_*.py))
MEASURED := $(SCREENS) tests/unit
UNMEASURED := $(PROGRAMS) tests/contract tests/torture tests/simulation tests/property tests/bench tests/tidy
export PYTHON
# Tests start our programs hundreds of times: without compiled files each start takes twice as long.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check check-quick format simulate torture bench pins vendor deb android-stage setup setup-test \
	check-format check-lint check-imports check-types check-tests check-tests-quick clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/' | \
		while IFS='|' read -r name text; do printf '%-22s %s\n' "$$name" "$$text"; done

demo: setup ## a server with a made-up campaign, to look around in (ARGS=--once: set up, check, stop)
	@$(BIN)/hucha demo $(ARGS)

test: setup-test ## all tests (ARGS='tests/unit -k score': some of them)
	@$(PYTEST) $(ARGS)

# Quickest first. .ci/run runs exactly this.
check: check-format check-lint check-imports check-types check-tests ## everything that must hold: format, lint, imports, types, tests, coverage

check-quick: check-format check-lint check-imports check-types check-tests-quick ## the same without the end-to-end tests and without coverage

check-format: setup-test
	@$(BIN)/ruff format --check --quiet --output-format=concise . || { echo "To put this right: make format"; exit 1; }

check-lint: setup-test
	@$(BIN)/ruff check --quiet --output-format=concise .

check-imports: setup-test
	@$(BIN)/lint-imports --no-logo

check-types: setup-test
	@$(BIN)/mypy

check-tests: setup-test
	@$(PYTEST) --no-loadscope-reorder --cov --cov-report=term:skip-covered $(MEASURED)
	@$(PYTEST) --no-loadscope-reorder $(UNMEASURED)

check-tests-quick: setup-test
	@$(PYTEST) -m 'not e2e'

format: setup-test ## bring the code into the one format, and put right what the linter can
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

simulate: setup-test ## many tablets, one server, a bad network, from a seed (SEED=7: repeat that run)
	@$(PYTEST) tests/simulation $(ARGS)

torture: setup-test ## power cuts, kills and failing disks, at every call of server and tablet (SHARE=0.1: a tenth of the cuts)
	@TORTURE_SHARE=$(SHARE) $(PYTEST) tests/torture tests/e2e/test_killed_at_work.py $(ARGS)

bench: setup-test ## how fast a server is here, beside what the machine can do (ARGS='--workloads raw,w1')
	@$(BIN)/hucha bench $(ARGS)

pins: setup-test ## pin the newest versions that fit pyproject.toml into requirements*.txt
	@.ci/pins

vendor: setup-test ## fetch the fonts and scripts we ship at their pinned versions, and cut the fonts
	@$(BIN)/python .ci/vendor.py

deb: setup-test ## the tablet's Debian package, in dist/ (needs dpkg-deb and strip)
	@$(BIN)/python mobile/linux/build_deb.py $(ARGS)

android-stage: setup-test ## what buildozer packs for Android, in build/android (never built yet: mobile/android/README.md)
	@$(BIN)/python mobile/android/stage.py $(ARGS)

clean: ## remove .venv and caches (var/ holds data and stays)
	@rm -rf .venv build dist .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .grimp_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@.ci/setup run

setup-test:
	@.ci/setup test
