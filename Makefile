# Every target sets up what it needs first; a set-up that is up to date takes a tenth of a second.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo serve test check format docs client chaos bench-overhead bench-strategies bench-early-rejection gpu-check fuzz wheel-check mutants image-test deploy-check setup setup-dev lock clean

# The first Python that will do; choose another with `make PYTHON=python3.12 …`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
CODE = $(foreach folder,service strategies clients tests scripts benchmarks,\
	$(if $(shell find $(folder) -name '*.py' -print -quit 2>/dev/null),$(folder)))
ARGS ?=
# One more than the cores that we may use, since a test of streams mostly waits; at most eight, since each loads the test
# suite anew. They keep what they compile, for each other and for the many processes that the tests start.
WORKERS ?= $(shell n=$$(($$(nproc) + 1)); echo $$((n > 8 ? 8 : n)))

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

demo: setup ## Start the service on the embedded models and ask it a first question
	@$(BIN)/nbest demo $(ARGS)

serve: setup ## Serve; options for `nbest serve` go in ARGS="…"
	@$(BIN)/nbest serve $(ARGS)

test: setup-dev ## Run every test: those without an engine, several at a time, then those on the real vLLM
	$(BIN)/python -m scripts.wheel_check
	$(BIN)/nbest embedded build
	@fast=0; \
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m "not engine" -n $(WORKERS) --dist worksteal $(ARGS) || fast=$$?; \
	$(BIN)/python -m pytest -m engine --timeout=900 $(ARGS) || exit $$?; \
	exit $$fast

check: setup-dev ## Check format, lint, types, import rules and documentation
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m scripts.check_docs
	$(BIN)/python -m scripts.generate_client --check

format: setup-dev ## Format the code and fix what the linter can
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: setup-dev ## Write the generated parts of the documentation
	$(BIN)/python -m scripts.generate_docs

client: setup-dev ## Write the blocking client from the one for asyncio
	$(BIN)/python -m scripts.generate_client

chaos: setup-dev ## Kill, stop, flood and confuse the service; promise by promise, exit 1 if one is not kept
	$(BIN)/nbest embedded build
	$(BIN)/python -m tests.chaos $(ARGS)

bench-overhead: setup ## Measure what the service adds to the engine's own time
	$(BIN)/python -m benchmarks.overhead $(ARGS)

bench-scoring: setup ## Measure candidates scored a second against transformers and bare vLLM
	$(BIN)/python -m benchmarks.scoring $(ARGS)

bench-strategies: setup ## Measure every strategy at N = 4, 16, 64 on held-out problems
	$(BIN)/python -m benchmarks.strategies $(ARGS)

bench-early-rejection: setup ## Measure early rejection against the same search without it
	$(BIN)/python -m benchmarks.early_rejection $(ARGS)

gpu-check: setup ## Try everything on this machine's CUDA GPU, at most eight minutes; ARGS=--dry-run tries it on CPU
	@$(BIN)/python -m benchmarks.gpu $(ARGS)

fuzz: setup-dev ## Send 5,000 requests made from the OpenAPI document; ARGS="--engine vllm" asks the real engine
	@$(BIN)/python -m scripts.fuzz $(ARGS)

wheel-check: setup-dev ## Build the wheel, install it into an empty environment, and serve from there
	@$(BIN)/python -m scripts.wheel_check

mutants: setup-dev ## Change strategies/ in 60 random places, one at a time; exit 1 if more than three live (ARGS="--seed 7")
	@$(BIN)/python -m scripts.mutants $(ARGS)

image-test: setup-dev deploy-check ## Build the CPU image without a container daemon and try it (as root; Debian's buildah, debootstrap)
	@$(BIN)/python -m scripts.image_test $(ARGS)

deploy-check: setup-dev ## Check Prometheus' configuration and alerts with promtool
	@$(BIN)/python -m scripts.deploy_check

setup: ## Make .venv from the locks (NBEST_DEVICE=cpu or gpu overrides what is found)
	@test -n "$(PYTHON)" || { echo "nbest needs Python 3.11 to 3.14 and finds none: install one, or set PYTHON=…" >&2; exit 1; }
	@$(PYTHON) scripts/setup.py

setup-dev: ## The same, with the tools for tests and checks
	@test -n "$(PYTHON)" || { echo "nbest needs Python 3.11 to 3.14 and finds none: install one, or set PYTHON=…" >&2; exit 1; }
	@$(PYTHON) scripts/setup.py --dev

lock: setup ## Resolve the requirements again; ARGS=--upgrade takes the newest versions
	$(BIN)/python scripts/lock.py $(ARGS)

clean: ## Remove the environment, caches and build outputs
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
