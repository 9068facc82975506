# `make demo` and `make test` set everything up on a machine that has Python >= 3.11 and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two pytest workers: threads of the numerical libraries would only fight over the cores.
export OMP_NUM_THREADS ?= 1
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo test lint docs lock audit licences dist test-dist clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   the whole job on sounds that Menura makes itself, a few minutes on two cores"
	@echo "make test   linters, types, import contract, docs and tests"
	@echo "make dist   wheel and sdist into dist/"
	@echo "make test-dist  the wheel, in an environment of its own from the package index, does the demo in an empty folder"
	@echo "make lock   pin every package of an install with its hashes into requirements-lock.txt"
	@echo "make audit  ask the database of known weaknesses about each of them"
	@echo "make licences  their licences, into docs/dependencies.md"
	@echo "make docs   build the documentation into site/"
	@echo "make clean  remove the environment and everything that was built"

$(VENV)/.base: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Menura needs Python 3.11 or newer, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[classic]'
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/.base
	$(BIN)/menura demo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

test: lint docs
	$(BIN)/pytest -n 2 --dist worksteal

# In an environment of its own, so that nothing of it ends up in the lock.
lock: constraints.txt pyproject.toml
	test -x .lock-venv/bin/uv || ($(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet uv)
	.lock-venv/bin/uv pip compile pyproject.toml --extra classic --extra models --extra llm --extra gpus --extra ray --extra hub --extra objects \
		--constraint constraints.txt --generate-hashes --universal --python-version 3.11 --no-header \
		--output-file requirements-lock.txt

# --strict: a package that could not be looked up is an error, and not a line in a log.
audit: requirements-lock.txt
	test -x .lock-venv/bin/pip-audit || ($(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet pip-audit)
	.lock-venv/bin/pip-audit -r requirements-lock.txt --require-hashes --disable-pip --strict

# Proves on the way that the lock installs, with every hash, into an empty environment.
licences: requirements-lock.txt
	test -x .lock-venv/bin/uv || ($(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet uv)
	.lock-venv/bin/uv venv --quiet --clear --python $(PYTHON) .licence-venv
	.lock-venv/bin/uv pip install --quiet --python .licence-venv/bin/python --require-hashes -r requirements-lock.txt
	.licence-venv/bin/python docs/make_dependencies.py
	rm -rf .licence-venv

dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/hatchling build -d dist

# What tests/release does with the packages of .venv in every `make test`, here with nothing but the wheel and the pins.
test-dist: dist
	rm -rf .dist-venv
	$(PYTHON) -m venv .dist-venv/venv
	.dist-venv/venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	.dist-venv/venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt "$$(ls dist/*.whl)[classic]"
	.dist-venv/venv/bin/pip check --disable-pip-version-check
	mkdir .dist-venv/empty
	cd .dist-venv/empty && env -u PYTHONPATH HOME="$$PWD" ../venv/bin/python ../../tests/release/smoke.py --demo
	rm -rf .dist-venv

clean:
	rm -rf $(VENV) .lock-venv .licence-venv .dist-venv site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
