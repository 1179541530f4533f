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

SOURCES := $(shell find api core identity destination webhook proxy manifests -name '*.ts' -not -name '*.test.ts' 2>/dev/null)
build/proxy.js: node_modules/.package-lock.json manifests/image/bundle.mjs $(SOURCES)
	node manifests/image/bundle.mjs

.PHONY: build
build: build/proxy.js ## bundle the programs into build/

.PHONY: demo
demo: build ## run the demo mesh and print its routes; KEEP=1 stays up (needs root)
	node cli/weft.mjs demo $(if $(KEEP),--keep)

.PHONY: test
test: build ## unit and integration tests, and the API server's where KUBECONFIG is set
	node test/run.mjs unit integration namespaces

build/weft-image.tar: build/proxy.js manifests/image/build.mjs
	node manifests/image/build.mjs

.PHONY: images
images: build/weft-image.tar ## the container image as an OCI archive, build/weft-image.tar

# WEFT_IMAGE_IMPORT: a command that loads an OCI archive into the nodes, e.g. "k3d image import"
.PHONY: test-cluster
test-cluster: images ## tests on the cluster of KUBECONFIG; WEFT_IMAGE_IMPORT loads the image into it
	$(if $(WEFT_IMAGE_IMPORT),$(WEFT_IMAGE_IMPORT) build/weft-image.tar)
	node test/run.mjs cluster

.PHONY: check
check: setup ## format, lint, types, dead code, unit tests, import graph
	biome check .
	tsc --noEmit
	knip
	node test/run.mjs unit

.PHONY: format
format: setup ## write the sources in the project's format
	biome check --write .

.PHONY: conformance
conformance: setup ## h2spec against the HTTP/2 engine; H2SPEC names the program
	node test/conformance/h2spec.ts

.PHONY: bench
bench: images ## measure: CASE=image (start and memory, root) or CASE=certify
	node bench/$(if $(filter certify,$(CASE)),identity/certify.ts,image/start-and-memory.ts)
