# The commands of the project; `make help` lists them.
# That of .venv once there is one: `make PYTHON=python3.13 setup` chooses for all later calls, too.
PYTHON ?= $(or $(wildcard .venv/bin/python),python3)
BIN := .venv/bin
# Where the environment forbids it, each of the many processes would compile PyTorch and the CDK again, for seconds.
unexport PYTHONDONTWRITEBYTECODE
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m
# In the order of tests/conftest.py, which has the longest files first.
BY_FILE := --dist loadfile --no-loadscope-reorder
PARALLEL := --numprocesses auto --maxprocesses 4 $(BY_FILE)
# Folders of unit tests that start no server, train nothing and synthesise no stack.
FAST := tests/docs tests/setup tests/contract tests/drawing tests/archive_reader tests/image_reader tests/pipeline tests/runs
# In an environment of its own: 29 packages that nothing else here needs. A package that is unknown to PyPI is an error.
AUDIT := $(BIN)/uv tool run pip-audit@2.10.1 --strict --disable-pip --progress-spinner off
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes

.PHONY: help setup demo test fast faults chaos check format audit lock upgrade release clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## /{printf "%-9s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## .venv, node_modules and the container's wheels; does only what is missing
	@$(PYTHON) environment.py

demo: setup  ## the pipeline end to end on an embedded AWS; SOURCE=PATH takes your own plans, SERVE=1 serves the model, too
	@$(RUN) demo $(if $(SOURCE),--source "$$SOURCE") $(if $(SERVE),--serve)

test: setup  ## all tests; T=tests/pipeline/quote, or anything else that pytest understands, only those
	@$(RUN) pytest $(if $(T),$(T),$(PARALLEL))

fast: setup  ## the unit tests that take half a minute together
	@$(RUN) pytest $(PARALLEL) $(FAST)

faults: setup  ## the tests that provoke faults in the deployed stack or train for real, for minutes
	@$(RUN) pytest -m faults --numprocesses 2 $(BY_FILE)

chaos: setup  ## 50 runs with a fault each at a random moment: ten minutes
	@$(RUN) tests.chaos --runs 50 --seed 1

check: setup  ## formatting, lint, who imports whom, and types
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(RUN) mypy .

format: setup  ## format the code and fix what ruff can fix
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

audit: setup  ## known vulnerabilities of the pinned packages, asked of PyPI and npm
	@$(AUDIT) --require-hashes --requirement requirements.lock --requirement training_code/requirements.lock \
	  --requirement lambda/serving/requirements.lock
	@grep -o 'torch==[0-9.]*' pyproject.toml | head -1 >build/torch.txt && $(AUDIT) --no-deps --requirement build/torch.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm audit --package-lock-only

lock: setup  ## each requirements.lock from pyproject.toml; raises a version only where it must
	@$(COMPILE) $(COMPILE_OPTIONS) --universal --python-version 3.11.4 --fork-strategy fewest --extra dev \
	  --no-emit-package torch --custom-compile-command "make lock    # torch is not in it: pyproject.toml says why" \
	  --output-file requirements.lock pyproject.toml
	@$(COMPILE) --no-deps --python-version 3.12 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
	  --custom-compile-command "make lock" --no-annotate --constraint requirements.lock --group container \
	  --output-file training_code/requirements.lock
	@$(COMPILE) --no-deps --python-version 3.14 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
	  --custom-compile-command "make lock" --no-annotate --constraint requirements.lock --group serving \
	  --output-file lambda/serving/requirements.lock

upgrade:  ## the newest versions that pyproject.toml allows, and the newest CDK command line; then try `make check test`
	@$(MAKE) --no-print-directory lock COMPILE_OPTIONS=--upgrade
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only --save-exact --no-fund --no-audit aws-cdk@latest
	@$(PYTHON) environment.py

release: setup  ## VERSION=x.y.z: dates the changelog's Unreleased, writes the version, commits and tags; pushes nothing
	@$(RUN) release $(VERSION)

clean:  ## everything that the other commands made
	@rm -rf .venv node_modules build cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis
