# Every task of the project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help
help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: setup
setup: node_modules/.package-lock.json ## install the packages, the pinned Node among them

.PHONY: check
check: setup ## format, lint, types, dead code, unit tests, import graph
	biome check .
	tsc --noEmit
	knip
	node test/run.mjs unit

.PHONY: test
test: setup ## unit and integration tests, and the API server's where KUBECONFIG is set
	node test/run.mjs unit integration

.PHONY: format
format: setup ## write the sources in the project's format
	biome check --write .
