# Everything generated lies in .runtime; the first command builds it with the machine's own Python 3.11 or newer.
# Arguments for the program behind a target go into ARGS:  make run ARGS=--once   make test ARGS='tests/ivr -x'

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check bench fuzz runtime doctor lock clean

ARGS ?=
PYTHON ?=# a Python to begin with, if none of the usual names is the right one
VENV := .runtime/venv/bin
COMPILE := .runtime/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock'

# $(call bootstrap,options): build what is missing with the first Python that is new enough
define bootstrap
for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	command -v "$$python" >/dev/null || continue; \
	"$$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(77); \
		from hotline.runtime import bootstrap; sys.exit(bootstrap.main())' $(1); \
	status=$$?; case $$status in 77|127) ;; *) exit $$status ;; esac; \
done; \
echo 'Python 3.11 or newer is needed and not found: install it, or name it with PYTHON=...' >&2; exit 1
endef

# $(call pytest,arguments): what tests write goes to a folder of their own, short enough for sockets, gone afterwards
define pytest
folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && trap 'exit 130' INT TERM && \
	TMPDIR="$$folder" $(VENV)/python -m pytest --basetemp="$$folder/t" $(1)
endef

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: ## start the hotline and a simulated call (ARGS=--once ends after the call)
	@$(call bootstrap)
	@$(VENV)/python -m hotline sandbox $(ARGS)

test: ## all tests, those on a real Asterisk included (ARGS go to pytest)
	@$(call bootstrap,--dev --bench)
	@$(call pytest,$(ARGS))

check: ## lint, format, types and import rules
	@$(call bootstrap,--dev --python-only)
	@$(VENV)/python -m ruff check .
	@$(VENV)/python -m ruff format --check .
	@$(VENV)/python -m mypy
	@$(VENV)/lint-imports

bench: ## measurements, written to bench/results (ARGS go to the bench)
	@$(call bootstrap,--bench)
	@$(VENV)/python -m bench $(ARGS)

fuzz: ## the long profile of the generated call sequences
	@$(call bootstrap,--dev --python-only)
	@export HYPOTHESIS_PROFILE=long; $(call pytest,tests/ivr/flow $(ARGS))

runtime: ## build the runtime alone (ARGS=--bench adds the traffic generator)
	@$(call bootstrap,$(ARGS))

doctor: ## what is there, what is missing and how to mend it
	@$(call bootstrap,--python-only)
	@$(VENV)/python -m hotline.doctor $(ARGS)

lock: export UV_CACHE_DIR = .runtime/cache/uv
lock: export UV_SYSTEM_CERTS = 1
lock: ## compile requirements/*.txt from pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(call bootstrap,--uv-only)
	$(COMPILE) $(ARGS) pyproject.toml -o requirements/run.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) $(ARGS) requirements/uv.in -o requirements/uv.txt

clean: ## remove what can be built again; recordings and databases stay
	rm -rf .runtime/apt .runtime/bin .runtime/cache .runtime/debian .runtime/keyring .runtime/uv .runtime/uv.part .runtime/venv
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
