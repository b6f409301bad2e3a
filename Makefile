# Two commands set everything up: `make demo` runs the main job, `make test` passes the tests.
# Each creates .venv and installs what it needs the first time.
PYTHON ?= python3
BIN := .venv/bin
# Compiled modules are kept even where that is switched off: tests, demo and benches start services by the hundred, and each
# of them would compile everything anew, which takes five times as long as to start.
export PYTHONDONTWRITEBYTECODE :=
PIP := $(BIN)/pip --disable-pip-version-check --quiet install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo up test fuzz fuzz-quick chaos chaos-quick images-test rules-test helm-test sbom audit lint fix contracts dashboards chart proto \
  proto-check bench soak constraints clean

help:  ## Show what can be made.
	@echo "Andon: from the machine's sensors to a decision on the shop floor."
	@awk 'BEGIN {FS = ":.*##"} /^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/sandbox  ## Train, stream a plant through all services, report. RECORDING=DIR, or SOURCE=opcua|sparkplug.
	@$(BIN)/andon demo $(if $(RECORDING),--recording "$(RECORDING)") $(if $(SOURCE),--source $(SOURCE)) $(ARGS)

test: .venv/dev  ## Run all tests.
	@echo "running the tests (about fourteen minutes on two cores)"
	@$(BIN)/pytest --numprocesses 2 --dist loadfile -m "not alone and not images and not chart and not chaos" $(ARGS)
	@$(BIN)/pytest -m alone $(ARGS)

fuzz: .venv/fuzz  ## Fuzz all that faces the outside: TARGET=name, FUZZ_SECONDS=600 each; INPUT=file gives one again.
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(if $(TARGET),--target $(TARGET)) $(if $(INPUT),--input "$(INPUT)")
FUZZ_SECONDS := 600

fuzz-quick: .venv/dev  ## The same for a second each, without Atheris.
	@$(BIN)/python -m tests.fuzz --seconds 1 --unguided

chaos: .venv/dev  ## Let everything go wrong under load and prove that nothing came of it: FAULT=name, CHAOS_SECONDS=600.
	@$(BIN)/python -m tests.chaos --seconds $(CHAOS_SECONDS) $(if $(FAULT),--fault $(FAULT)) $(ARGS)
CHAOS_SECONDS := 600

chaos-quick: .venv/dev  ## The same for some seconds each.
	@$(BIN)/pytest -m chaos tests/chaos $(ARGS)

images-test: .venv/dev  ## Install what images carry, run a service on it, check the bills of materials.
	@$(BIN)/pytest -m images tests/images $(ARGS)

sbom: .venv/dev  ## Write a bill of materials (CycloneDX) of each image into dist/sbom.
	@$(BIN)/python -m images.sbom dist/sbom

audit: .venv/audit  ## Ask for known weaknesses of all pinned packages; needs the network.
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt || { code=$$?; \
	  echo "either weaknesses are listed above, or the service that knows them cannot be reached from here"; exit $$code; }

rules-test: .venv/dev  ## Check dashboards, alert rules and runbook; needs promtool, of Prometheus.
	@$(BIN)/pytest tests/monitoring -m "not alone" $(ARGS)

helm-test: .venv/dev .venv/tools/helm helm/schemas/node_modules  ## Render the Helm chart in all its forms and check every manifest.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile -m chart tests/helm $(ARGS)

lint: .venv/dev  ## ruff, ruff format, mypy --strict, import-linter.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: .venv/dev  ## Format, and mend what ruff can mend.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

contracts: .venv/dev  ## Write the generated documents again.
	@$(BIN)/andon contracts export
	@$(BIN)/andon settings --output docs/settings.md
	@$(BIN)/andon plant schema --output docs/plant.schema.json

dashboards: .venv/dev  ## Write Grafana's dashboards again.
	@$(BIN)/python -m helm.dashboards

chart: .venv/dev  ## Write again what the Helm chart takes from elsewhere.
	@$(BIN)/python -m helm.tools.reference

proto: .venv/dev  ## Make the Python code of all .proto files again.
	@$(PROTOC) --python_out=$(PROTO_OUT) --pyi_out=$(PROTO_OUT) $$(find proto -name '*.proto')
	@for file in $$(grep -rl '^service ' proto); do $(PROTOC) --grpc_python_out=$(PROTO_OUT) $$file || exit 1; done
PROTOC = $(BIN)/python -m grpc_tools.protoc --proto_path=proto
PROTO_OUT := .

proto-check: .venv/dev  ## Compare the checked-in code with what `make proto` makes.
	@out=$$(mktemp -d) && trap 'rm -r "$$out"' EXIT && $(MAKE) --no-print-directory proto PROTO_OUT="$$out" && \
	  (cd "$$out" && find . -name '*_pb2*') | while read -r file; do diff -u "$$file" "$$out/$$file" || exit 1; done

soak: .venv/bench  ## Run all services for half an hour at 70 % of what they can; write what grew into docs/reliability.md.
	@$(BIN)/python -m bench.soak --write $(ARGS)

bench: .venv/bench  ## Run the benches in their quick form.
	@for name in peers runtime state context feature features inference chain soak historian lake spool mqtt opcua reconnect reload fetch rolling idle drift drift_causes drift_cost drift_kinds scale; do $(BIN)/python -m bench.$$name --quick || exit 1; done

.venv/base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Andon needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	@echo "creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/%: .venv/base pyproject.toml constraints.txt
	@echo "installing andon[$(EXTRAS_$*)] into .venv (a few minutes the first time)"
	@$(PIP) --editable '.[$(EXTRAS_$*)]'
	@touch $@
EXTRAS_sandbox := sandbox
EXTRAS_dev := sandbox,dev,helm,train
EXTRAS_fuzz := sandbox,dev,helm,train,fuzz
EXTRAS_bench := sandbox,bench
EXTRAS_audit := audit

.venv/tools/helm: .venv/base helm/tools/binary.py
	@$(BIN)/python -m helm.tools.binary $@

helm/schemas/node_modules: helm/schemas/package-lock.json
	@npm ci --prefix helm/schemas --ignore-scripts --no-audit --no-fund --silent
	@touch $@

constraints:  ## Pin the versions that an unconstrained install gives today.
	@$(PYTHON) -m venv .venv-constraints
	@.venv-constraints/bin/pip --quiet install '.[sandbox,dev,helm,train,bench,fuzz,audit]'
	@echo "# Made by 'make constraints': two installs give the same versions." > constraints.txt
	@.venv-constraints/bin/pip freeze --exclude andon --exclude torch >> constraints.txt
	@echo "torch==2.13.0" >> constraints.txt
	@rm -r .venv-constraints

clean:  ## Remove the environment and everything that was made.
	rm -rf .venv helm/schemas/node_modules run dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
