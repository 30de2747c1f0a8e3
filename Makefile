# Everything goes through scripts/bootstrap.py, which makes the environments from the locks in requirements/.
PYTHON ?= python3
ACCEL ?=
EXTRAS ?=
UPGRADE ?=
DEV := .venv-dev/bin
BOOTSTRAP := $(PYTHON) scripts/bootstrap.py
END_MAKE := kill -QUIT $$PPID; sleep 0.3; exit 1
OPTIONS := --accel "$(ACCEL)" --extras "$(EXTRAS)"
# Where this is set, every process compiles what it imports anew: the server starts in three times the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run dev test quick lint bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# SIGQUIT ends make with status 1 and without its own "*** Error 1" under the line that says what to do. The shell
# outlives the signal a little: a make that is told of the child's end at the same moment complains of that. The trap
# keeps Ctrl-C quiet in the same way: Python answers it (130: while installing), and make still ends by it. A make in
# the background of a script ignores both: it ends by the status.
run: ## Install if need be, then start the service (ACCEL=cpu|gpu, EXTRAS=postgres,local, PYTHON=...)
	@trap : INT; command -v $(PYTHON) >/dev/null || { echo "Python is missing. Run:  sudo apt-get install -y python3 python3-venv" >&2; $(END_MAKE); }; \
	$(BOOTSTRAP) run $(OPTIONS) || [ $$? -eq 130 ] || { $(END_MAKE); }

dev: ## Make the environment for development, .venv-dev
	@$(BOOTSTRAP) install dev $(OPTIONS)

test: ## Set up what the tests need and run them all
	@$(PYTHON) scripts/run_tests.py all

quick: ## Run the tests that take seconds
	@$(PYTHON) scripts/run_tests.py quick

lint: dev ## Check style, types, layers, the lock files' sources, Dockerfile and compose file
	@$(DEV)/ruff check
	@$(DEV)/ruff format --check
	@$(DEV)/mypy
	@$(DEV)/lint-imports
	@$(DEV)/hadolint Dockerfile
	@$(DEV)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: dev ## Measure
	@$(DEV)/python -m benchmarks

lock: dev ## Write the lock files from pyproject.toml (UPGRADE=1: newest versions)
	@$(DEV)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

clean: ## Remove the environments and what tools cached; the data in var/ stays
	rm -rf .venv .venv-dev .venv-local .venv-scale .venv-vllm .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .test-artifacts build *.egg-info
