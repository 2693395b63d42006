# CareLine's two commands are `make run` and `make test`; each makes a fresh clone ready by itself. `make` alone explains.

.DEFAULT_GOAL := help
# A proof's knobs are variables of its own, as in: make proof-dtmf SEEDS="7 8 9"
.PHONY: help run test setup image bundle page lines depth fuzz lint pictures clean

# WORKERS=5 is for a machine with a processor more: two of them compute, the others keep real time.
WORKERS := 4
# ONCE=1 ends after the demonstration call; FOR is the fuzzers' time in seconds.
ONCE :=
# IMAGE=--any-age takes a mirror that is a snapshot, and has expired.
BOARD := pc
IMAGE :=
# BUNDLE=--closes-a-hole is an update that nobody puts off for long.
BUNDLE :=
FOR := 60

# Our programs begin sooner where their modules are kept compiled.
export PYTHONDONTWRITEBYTECODE :=

help: ## this list
	@echo "CareLine: a telephone exchange in a box for small clinics"
	@echo
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  A fresh clone needs nothing first: both run and test do the set-up, once."

run: ## start a whole clinic on this machine and place a call; ONCE=1 ends after it
	@.ci/setup run
	@.venv/bin/careline run $(if $(filter-out 0,$(ONCE)),--once)

test: ## run every test, those on the real Asterisk included
	@.ci/setup test
	@.venv/bin/python -m pytest -n $(WORKERS) --durations=10

page: ## run the tests of the page, in a real browser too
	@.ci/setup fuzz
	@tests/web/run
	@tests/page/run

lines: ## run the tests of what is plugged in: lines, gateways, modems, speakers, panels
	@.ci/setup fuzz
	@tests/lines/run

depth: ## run the core under the sanitizers, and the fake pair's stories on the real one
	@.ci/setup test
	@tests/depth/run

image: ## build a box's disk: BOARD=pc
	@.ci/setup fuzz
	@.venv/bin/python -m image.build $(BOARD) $(IMAGE)

bundle: ## pack what a box updates itself with, of the image built last: BOARD=pc
	@.ci/setup fuzz
	@.venv/bin/python -m image.bundle $(BOARD) $(BUNDLE)

setup: ## only the set-up, with everything the tests and fuzzers need
	@.ci/setup fuzz

fuzz: ## give our readers broken input; FOR=60 says how many seconds
	@.ci/setup fuzz
	@tests/fuzz/run $(FOR)

proof-%: ## the long form of a proof, which may be broken off and goes on: tests/proof/NAME, for one of them
	@.ci/setup proofs
	@PATH="$(CURDIR)/.venv/bin:$$PATH" tests/proof/$*

lint: ## style, types and layers only
	@.ci/setup test
	@.venv/bin/python -m pytest tests/house

pictures: ## draw the README's pictures of the page again
	@.ci/setup test
	@.venv/bin/python -m tests.page.portraits

clean: ## take away what was built here; the Asterisk root and the prompts stay in ~/.cache/careline
	@rm -rf .venv build *.egg-info routing_core/_core.c routing_core/_core*.so .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache firmware/web/static/vendor
	@find firmware ivr hw routing_core tests -name __pycache__ -prune -exec rm -rf {} +
