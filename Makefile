# The commands of the project: `make demo` shows the whole pipeline on this machine, `make test` checks everything.
PYTHON ?= python3
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m

.PHONY: setup demo test faults check lock clean

setup:  ## .venv, node_modules and the container's wheels; does only what is missing
	@$(PYTHON) environment.py

demo: setup  ## the pipeline end to end on an embedded AWS; SOURCE=PATH takes your own plans
	@$(RUN) demo $(if $(SOURCE),--source "$(SOURCE)")

test: setup  ## all tests
	@$(RUN) pytest --numprocesses auto --maxprocesses 4 --dist loadfile

faults: setup  ## the deployed stack under provoked faults, enforced IAM, and 50 runs of chaos: a quarter of an hour
	@$(RUN) pytest -m faults --numprocesses 2 --dist loadfile
	@$(RUN) tests.chaos --runs 50 --seed 1

check: setup  ## formatting, lint and types
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy .

lock: setup  ## requirements.lock from pyproject.toml
	@$(RUN) piptools compile --quiet --extra dev --strip-extras --no-header --no-emit-index-url --no-emit-find-links \
	  --output-file requirements.lock pyproject.toml
	@sed -i.bak 's/+cpu$$//' requirements.lock && rm requirements.lock.bak

clean:  ## everything that the other commands made
	@rm -rf .venv node_modules build cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis
