# make help tells what there is. Building, trying and testing need Go and git; the rest is used where it is found.

RUNTIME ?= auto
BENCH ?= .
BENCHTIME ?= 20x
FUZZTIME ?= 10s
TARGETS ?= agent-core agent server

.DEFAULT_GOAL := help
.PHONY: help dev build test bench image sbom fuzz clean

help: ## Shows this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

dev: ## Starts a GitHub on this machine, a demo repository and the server (Ctrl-C stops it)
	@go build -o bin/ ./cmd/agent ./cmd/dev
	@scripts/dev-image.sh $(RUNTIME)
	@RUNTIME=$(RUNTIME) exec bin/dev

build: ## Builds every program into bin/
	go build -trimpath -o bin/ ./cmd/...

test: ## Runs gofmt, go vet and all tests; REQUIRE=docker,postgres,chromium,npm,root fails where one of them is missing
	@REQUIRE='$(REQUIRE)' scripts/test.sh $(PKGS)

bench: ## Measures; BENCH=<pattern> and BENCHTIME=<20x> choose what and how long
	@scripts/bench.sh '$(BENCH)' '$(BENCHTIME)' $(PKGS)

image: ## Builds the Docker images githubjobs/agent:dev, agent-core:dev and server:dev
	@for target in $(TARGETS); do scripts/image.sh $$target || exit; done

sbom: image ## Lists what is in the images (SPDX), in bin/, and holds each list to its image; needs jq
	@mkdir -p bin
	@for name in agent agent-core server; do scripts/sbom.sh $$name githubjobs/$$name:dev bin/$$name.spdx.json || exit; done

fuzz: ## Fuzzes each fuzz target for FUZZTIME (10s)
	@scripts/fuzz.sh $(FUZZTIME)

clean: ## Removes bin/ and the demo's data (.data/)
	rm -rf bin .data
