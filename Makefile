# Everything a user or a developer types. Needs make and Python 3.11 or 3.12.
PYTHON ?= $(shell for v in python3.12 python3.11 python3 python; do \
  $$v -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
  && { echo $$v; break; }; done)
BIN := .venv/bin
INPUT ?=
ROLE ?= customer
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo install dev test test-slow lint bench clean

help:
	@echo "make demo [INPUT=call.mp4 ROLE=customer]  install, analyse a video, print and draw its timeline"
	@echo "make install                install facestate into .venv and fetch the model weights"
	@echo "make test                   lint, types, layers and all fast tests"
	@echo "make test-slow              the tests that take minutes"
	@echo "make bench                  measure speed, memory and table size on this machine"
	@echo "make clean                  remove .venv and everything made by demo and tests"

.venv/.base: pyproject.toml infra/constraints.txt
	@test -n "$(PYTHON)" || { echo "facestate needs Python 3.11 or 3.12; set PYTHON=/path/to/it" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint infra/constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet --constraint infra/constraints.txt --editable '.[dev]'
	@touch $@

install: .venv/.base
	@$(BIN)/facestate models fetch

dev: .venv/.dev
	@$(BIN)/facestate models fetch

demo: install
	@$(BIN)/python -m samples.demo $(if $(INPUT),"$(INPUT)" --role $(ROLE))

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: dev lint
	$(BIN)/pytest -m "not slow and not gpu"

test-slow: dev
	$(BIN)/pytest -m "slow and not gpu" --timeout 3600

bench: dev
	$(BIN)/python -m tests.bench.main

clean:
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
