# Two commands matter: `make run` and `make test`. Everything else is for those who change the code.
# Windows has no make: README.md gives the same steps for PowerShell.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN ?= run ple --bench ying2021
# Test processes; the tests share nothing but the code. JOBS=0 runs them in one process, for a debugger.
JOBS ?= auto
PACKAGES := labctl drivers procedures sim_instruments

.DELETE_ON_ERROR:
# One venv, one writer: `make -j` must not run two pips in it.
.NOTPARALLEL:
.PHONY: help run gui test lint check bench bench-own bench-peers score calibrate soak mutants interop docs docs-reference docs-figures docs-pictures recovery clean system

help:
	@echo 'make run    install, then measure a PLE scan on the simulated bench ying2021'
	@echo 'make gui    install with the window, then open it on the simulated bench ying2021'
	@echo 'make test   install what the tests need, then run them'
	@echo 'make lint   style, types and import contracts'
	@echo 'make check  lint, then test'
	@echo 'make bench  timings that the documents promise, and the same scan on other programs (bench-peers, alone)'
	@echo 'make score  judge the simulated samples by the published claims (needs the targets file)'
	@echo 'make calibrate SAMPLE=wang2015   which claims were fitted by which constants; fits again, writes nothing'
	@echo 'make soak   the long tests'
	@echo 'make mutants  take one protection away at a time, and see the fault matrix notice'
	@echo 'make docs   build the documentation into build/docs; warnings are errors'
	@echo 'make docs-reference   write the reference of instruments and procedures from the code'
	@echo 'make docs-figures  draw the simulated counterparts of the papers’ figures anew'
	@echo 'make docs-pictures  draw the pictures of the tutorial anew, from a session with the window'
	@echo 'make recovery  every estimator against data of known truth; writes docs/reference/estimators.md'
	@echo 'make interop  open a run of every procedure in the programs people use (a venv of its own)'
	@echo 'make clean  remove $(VENV) and every cache; measured data stay'

run: $(VENV)/.runtime
	$(BIN)/labctl $(RUN)

gui: $(VENV)/.gui
	$(BIN)/labctl gui $(GUI)

test: system $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TESTS)

soak: system $(VENV)/.test
	$(BIN)/python -m pytest -m soak $(TESTS)

mutants: system $(VENV)/.test
	$(BIN)/python tests/faults/mutants.py $(MUTANTS)

# The readers pin each other's dependencies, and there are many of them: not in the venv people work in.
interop:
	@$(MAKE) --no-print-directory VENV=$(VENV)-interop $(VENV)-interop/.interop
	$(VENV)-interop/bin/python -m pytest -m interop -W default tests/runs/test_interop_readers.py \
		tests/protocol/third_party/test_sc10_clients.py $(TESTS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

check: lint test

bench: bench-own bench-peers

bench-own: $(VENV)/.test
	$(BIN)/python -m benchmarks.timings
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.emulators
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.twin
	$(BIN)/python -m benchmarks.engine
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.gui

# The peers bring a hundred packages of their own: not in the venv people work in. PEERS='--into benchmarks/README.md' puts the table there.
bench-peers:
	@$(MAKE) --no-print-directory VENV=$(VENV)-peers $(VENV)-peers/.peers
	$(VENV)-peers/bin/python -m benchmarks.peers $(PEERS)

score: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.score --out docs/reference/twin-scores.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.score --whole-bench --out docs/reference/twin-scores-bench.json
	$(BIN)/python -m docs.references twin

# which claims a sample's constants were fitted to, and what a new fit would say: make calibrate SAMPLE=wang2015
calibrate: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.score.calibrate $(SAMPLE)

# PyMeasure says on stderr what it could do with more packages; Sphinx' own warnings end it with an error.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W -n -q --keep-going docs build/docs
	@echo 'build/docs/index.html'

docs-reference: $(VENV)/.runtime
	$(BIN)/python -m docs.references

docs-figures: $(VENV)/.runtime
	$(BIN)/python -m docs.paper_figures

docs-pictures: $(VENV)/.gui
	$(BIN)/python docs/gui_pictures.py

recovery: $(VENV)/.runtime
	$(BIN)/python docs/estimators_reference.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# What no package index can deliver. As root, or with a sudo that asks nothing, it is installed; else the one line is printed.
system:
	@PYTHON='$(PYTHON)' .ci/system-packages --install

# A stamp is written when its step is complete; every stamp is redone when pyproject.toml changes.
$(VENV)/.made:
	@PYTHON='$(PYTHON)' .ci/system-packages
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.made
	@echo 'Installing labctl into $(VENV) (once; a minute or two)'
	$(PIP) --editable .
	@touch $@

$(VENV)/.gui: $(VENV)/.runtime
	@PYTHON='$(PYTHON)' .ci/system-packages --gui
	$(PIP) --editable '.[gui]'
	@touch $@

# Dependency groups need pip 25.1; Debian 12 brings 23.0.
$(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.interop $(VENV)/.peers: $(VENV)/.%: $(VENV)/.runtime
	@echo 'Installing what $* needs into $(VENV) (once; a few minutes)'
	$(PIP) 'pip>=25.1'
	$(PIP) --group $*
	@touch $@
