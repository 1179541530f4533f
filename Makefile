# Every task of the project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
PREFIX ?= /usr/local

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

.PHONY: install
install: build ## put the command `weft` on the PATH: PREFIX=/usr/local, or PREFIX=$$HOME/.local without root
	mkdir -p '$(PREFIX)/bin'
	ln -sf '$(CURDIR)/cli/weft.mjs' '$(PREFIX)/bin/weft'

.PHONY: demo
demo: build ## run the demo mesh and print its routes; KEEP=1 stays up (root: network namespaces)
	node cli/weft.mjs demo $(if $(KEEP),--keep)

.PHONY: test
test: build ## unit and integration tests, and the API server's where KUBECONFIG is set
	node test/run.mjs unit integration namespaces namespaces-own-service

# What lies under test/ may start the bundled programs; a unit test does not.
.PHONY: test-one
test-one: $(if $(filter test/% ./test/% $(CURDIR)/test/%,$(FILE)),build,setup) ## one test file, with all it says: FILE=core/config/config.test.ts (NAME=text of a name)
	@node test/one.mjs '$(FILE)' '$(NAME)'

.PHONY: golden
golden: setup ## write the golden files anew and show what differs
	@node test/golden.mjs

.PHONY: test-long
test-long: build ## tests that take minutes: 40,000 connections to each server, 10,000 tunnels (SEED=1)
	node test/run.mjs long

build/weft-image.tar: build/proxy.js $(wildcard manifests/image/*)
	node manifests/image/build.mjs

.PHONY: images
images: $(if $(ARCH),build,build/weft-image.tar) ## the container image as an OCI archive; ARCH=amd64,arm64 insists
	$(if $(ARCH),node manifests/image/build.mjs --arch $(ARCH))

# WEFT_IMAGE_IMPORT: a command that loads an OCI archive into the nodes, e.g. "k3d image import"
.PHONY: test-cluster
test-cluster: images ## tests on the cluster of KUBECONFIG; WEFT_IMAGE_IMPORT loads the image into it
	$(if $(WEFT_IMAGE_IMPORT),$(WEFT_IMAGE_IMPORT) build/weft-image.tar)
	node test/run.mjs cluster

.PHONY: check
check: setup ## format, lint, types, dead code, unit tests, import graph, allocation gates
	biome check .
	tsc --noEmit
	knip
	node test/run.mjs unit gates

.PHONY: format
format: setup ## write the sources in the project's format
	biome check --write .

.PHONY: docs
docs: setup ## write what docs/reference/ has from the constants
	node docs/generate.ts

.PHONY: conformance
conformance: setup ## detection, h2spec, HPACK, HTTP/1.1, routing, gRPC and clients of others; PART= runs one, SEED= chooses
	node test/conformance/run.ts $(PART)

# A case is decided by its target, SEED and number; what is found is kept in build/fuzz/.
.PHONY: fuzz
fuzz: setup ## feed damaged input to the parsers: TARGET= (all), SECONDS= each (10), SEED= (1)
	TARGET=$(TARGET) SECONDS=$(or $(SECONDS),10) SEED=$(or $(SEED),1) node --expose-gc test/fuzz/run.ts

# Works in a copy of the tree in a temporary folder; the report is kept in build/mutate/.
.PHONY: mutate
mutate: setup ## change the product in COUNT= (25) places of AREA=, one at a time: which do its tests notice? SEED= (1)
	AREA=$(AREA) SEED=$(SEED) COUNT=$(COUNT) node test/mutate/run.ts

# The faults of a seed are always the same; the ledger and the logs are kept in build/chaos/.
.PHONY: chaos
chaos: build ## kill, freeze and cut off parts of a mesh under load for MINUTES= (30), judge every request (root): SEED= (1)
	SEED=$(SEED) MINUTES=$(MINUTES) node test/chaos/run.ts

BENCH_image := image/start-and-memory.ts
BENCH_container := image/container-start.ts
BENCH_certify := identity/certify.ts
BENCH_hostile := hostile/main.ts
BENCH_access := access/judge.ts
BENCH_tokens := access/tokens.ts
.PHONY: bench
bench: images ## measure: CASE=h2, h1, h2-mtls, … (AGAINST=haproxy,weft@DIR ROUNDS=5; root), image, container, certify, hostile, access, tokens
	$(if $(filter container,$(CASE)),$(if $(WEFT_IMAGE_IMPORT),$(WEFT_IMAGE_IMPORT) build/weft-image.tar))
	CASE=$(CASE) AGAINST=$(AGAINST) ROUNDS=$(ROUNDS) SECONDS=$(SECONDS) node bench/$(or $(BENCH_$(CASE)),http/main.ts)
