# The four commands of the README. Everything they need is installed by `setup`.
PYTHON ?= python3
KNOWLEDGE ?=
QUESTION ?=

.PHONY: setup demo run test lint docs lock clean

setup: .venv/.installed

.venv/.installed: requirements.lock requirements-setup.lock pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

demo: setup
	@.venv/bin/waxos demo $(if $(KNOWLEDGE),--knowledge "$(KNOWLEDGE)") $(if $(QUESTION),--question "$(QUESTION)")

run: setup
	@.venv/bin/waxos up

test: setup lint
	@.venv/bin/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: setup
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports --no-cache && .venv/bin/mypy

docs: setup
	@.venv/bin/waxos settings --write docs/settings.md && .venv/bin/python scripts/commands_page.py

lock:
	@sh scripts/lock.sh

clean:
	rm -rf .venv var
