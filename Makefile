# Every target sets up what it needs in .venv; PYTHON chooses the interpreter (3.11 or newer).
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench bench-suite soak docs clean setup-dev setup-demo setup-bench

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup-dev:
	@scripts/setup $(VENV) dev

setup-demo:
	@scripts/setup $(VENV) dvc,examples,plots

setup-bench:
	@scripts/setup $(VENV) bench

demo: setup-demo ## version a real data set, three versions, with dv and dvc side by side
	@$(BIN)/python examples/digits/demo.py

test: setup-dev ## run every test (real dvc, real disk, kill -9 and fault campaigns in short)
	$(BIN)/python -m pytest -n $(JOBS) -m "not soak"

check: setup-dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: setup-dev ## format and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-bench ## head to head with dvc, git-lfs, git, cp and md5sum; writes docs/benchmarks.md
	$(BIN)/python benchmarks/versus

bench-suite: setup-bench ## DVC's own benchmark suite, with dv in the place of dvc
	$(BIN)/python benchmarks/versus/dvc_suite.py

soak: setup-dev ## the long campaigns: 1,000 kills, thousands of generated trees, 100,000 hostile files
	$(BIN)/python -m pytest -n $(JOBS) -m soak

docs: setup-dev ## write the generated part of the documentation
	$(BIN)/python -m data_versioning.cli.reference docs/reference/cli

clean: ## remove the virtual environment and everything built
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src -name '*.so' -delete
