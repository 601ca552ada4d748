# `make run` starts everything; `make test` runs all checks. Both work from a fresh clone.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
PYTEST ?= -q
# Test processes, each with a database server and a browser of its own.
WORKERS ?= 2
# Where torch's CPU build is not on the package index at hand: TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)

# Images of containers often forbid Python to keep what it compiled; then every process compiles a thousand files anew.
export PYTHONDONTWRITEBYTECODE :=

BIN := $(VENV)/bin
DONE := $(VENV)/.done
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-input

.PHONY: run test bench-guarantee bench-cost bench-grader bench-keying bench-ink bench-aggregation \
	bench-text screenshots lint format types imports install install-dev lock manual notice clean bundle pen \
	splitter bench-split bench-reading bench-strangers bench-curve bench-scale bench-past bench-load bench-size bench-api bench-ocr

run: install
	@exec env COUNTERSIGN_PORT=$(PORT) $(BIN)/countersign run

test: install-dev lint types imports
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

# Hundreds of replays: is a certificate ever broken? COUNTERSIGN_BENCH=FILE keeps the figures.
bench-guarantee: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_guarantee.py

# Two hundred fields keyed in Chromium, and two thousand tasks for the memory of the page; of real receipts and
# advertising buys where COUNTERSIGN_REAL_DATA names their folder.
bench-keying: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_keying.py

# CPU of the database a lease at 6,000 and 100,000 open tasks, beside a bare one; COUNTERSIGN_SCALE=6000,100000,1000000.
bench-scale: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_scale.py

# CPU of the database for pages, lists, upkeep and certify beside a past of COUNTERSIGN_DOCUMENTS=25000 documents.
bench-past: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_past.py

# Answers of 300 API clients and 200 sessions at once at two web processes, then of four times as many; /healthz
# meanwhile. Nothing may be lost or counted twice. COUNTERSIGN_SECONDS=60.
bench-load: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_load.py

# Bytes that a document leaves in the database, by table; COUNTERSIGN_DOCUMENTS=300.
bench-size: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_size.py

# The contract against the running application, 50 requests an operation.
bench-api: install-dev
	COUNTERSIGN_EXAMPLES=50 $(BIN)/python -m pytest -q tests/api/test_contract.py

# Values that a pen or a stamp has been at, on generated receipts and forms: accepted although wrong?
bench-ink: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_ink.py

# Pictures of every page in both themes, to be looked at: build/screens.
screenshots: install-dev
	COUNTERSIGN_SCREENSHOTS=build/screens $(BIN)/python -m pytest -q tests/web/test_every_page.py

# 10,000 documents with the model frozen: answers against an oracle. COUNTERSIGN_ROWS=FILE names rows of real documents.
bench-cost: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_cost.py

# Errors that the TaskGrader's reviews catch, beside random review, lowest confidence and an oracle.
bench-grader: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_marks.py

# CPU milliseconds of a page with a text layer by part; needs COUNTERSIGN_REAL_DATA.
bench-text: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_text_stage.py

# CPU of scanned pages, drawn, read and recognised, beside raw RapidOCR; needs COUNTERSIGN_REAL_DATA; COUNTERSIGN_DOCUMENTS=30.
bench-ocr: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_ocr_cost.py

# Invoices of sellers never seen, each family held out whole; needs COUNTERSIGN_REAL_DATA. COUNTERSIGN_STRANGERS=all: dev too.
bench-strangers: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_strangers.py

# What 10, 25 and more real invoices add to a bundle of generated ones, on sellers never seen; needs COUNTERSIGN_REAL_DATA.
bench-curve: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_curve.py

# Our aggregation rules against crowd-kit's, which gets a virtual environment of its own.
bench-aggregation: install-dev
	test -x build/crowd-kit/bin/python || $(PYTHON) -m venv build/crowd-kit
	build/crowd-kit/bin/python -m pip install -q --no-deps "crowd-kit==1.4.2"
	build/crowd-kit/bin/python -m pip install -q attrs nltk "numpy<3" pandas scikit-learn tqdm
	COUNTERSIGN_CROWDKIT=build/crowd-kit/bin/python $(BIN)/python -m pytest -q -s -m bench tests/bench/test_aggregation.py

# Labelled documents of your own: COUNTERSIGN_REAL_DATA=FOLDER of folders, each with a manifest.jsonl.
# Trains the bundle that ships, from nothing, on their train splits and on generated invoices.
bundle: install-dev
	$(BIN)/python -m scripts.bundle $(if $(COUNTERSIGN_REAL_DATA),--data $(COUNTERSIGN_REAL_DATA)) $(ARGS)

# Trains the pen detector that ships: HANDS=FOLDER of fonts and digits, see scripts/pen/train.py.
pen: install-dev
	$(BIN)/python -m scripts.pen.train $(if $(COUNTERSIGN_REAL_DATA),--data $(COUNTERSIGN_REAL_DATA)) --hands $(HANDS) $(ARGS)

# Trains the splitter that ships, on stacks of documents in COUNTERSIGN_REAL_DATA and of generated ones.
splitter: install-dev
	$(BIN)/python -m scripts.splitting.train --data $(COUNTERSIGN_REAL_DATA) $(ARGS)

# Boundaries of stacks of real documents, and documents alone; needs COUNTERSIGN_REAL_DATA. COUNTERSIGN_WORDS=FOLDER keeps
# the words that were read.
bench-split: install-dev
	$(BIN)/python -m pytest -q -s -m bench tests/bench/test_split.py

# Learning curves at 10, 50, 100 and 200 documents: build/bench-reading.json and .md. ARGS="--type receipt --size 10".
bench-reading: install-dev
	$(BIN)/python -m scripts.bench_reading $(if $(COUNTERSIGN_REAL_DATA),--data $(COUNTERSIGN_REAL_DATA)) $(ARGS)

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install-dev
	$(BIN)/mypy

imports: install-dev
	$(BIN)/lint-imports

# Writes the lock files from pyproject.toml; needs pip-tools, which is installed for it alone.
lock: install-dev
	$(PIP) "pip-tools>=7.5"
	$(BIN)/python scripts/lock.py

manual: install-dev
	$(BIN)/python scripts/manual.py

notice: install-dev
	$(BIN)/python scripts/notice.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

# --- what is installed, each step once -------------------------------------------------------------------------------

install: $(DONE)/runtime $(DONE)/self
install-dev: $(DONE)/dev $(DONE)/self

$(DONE)/venv:
	@PYTHON=$(PYTHON) sh scripts/system.sh run
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/torch: pyproject.toml | $(DONE)/venv
	@if [ "$$(cat $@ 2>/dev/null)" != "$(TORCH)" ]; then \
	    echo "Installing $(TORCH), the largest part"; \
	    sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' requirements.lock > $(DONE)/constraints.txt; \
	    $(PIP) -c $(DONE)/constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$(TORCH)"; \
	fi
	@echo "$(TORCH)" > $@

$(DONE)/runtime: requirements.lock | $(DONE)/torch
	@echo "Installing what requirements.lock names"
	@$(PIP) --require-hashes --no-deps -r requirements.lock
	@touch $@

$(DONE)/dev: requirements-dev.lock $(DONE)/runtime
	@sh scripts/system.sh test
	@echo "Installing what requirements-dev.lock names"
	@$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

$(DONE)/self: pyproject.toml | $(DONE)/runtime
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
