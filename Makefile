PYTHON ?= python3
BIN := .venv/bin
ROOT := $(if $(shell command -v sudo),sudo)
INSTALL := $(BIN)/pip install --quiet --constraint constraints-dev.txt

.PHONY: test demo bench bench-tune peers accuracy mutants fixes test-corpus test-labs test-search test-cluster test-frameworks test-faults docs screenshots labs

# Everything that must hold before a change lands.
test: .venv/dev .venv/browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest --numprocesses 2 --dist worksteal

# A network on the iris flowers at a learning rate that is much too high, and what headtorch says of it.
demo: .venv/user
	$(BIN)/headtorch run examples/iris.py --lr 2

bench: .venv/dev
	$(BIN)/python -m bench --write docs/bench.md

# Other tools on corpus/, each in an environment of its own, into docs/peers.md; hours, or SAMPLE='--sample 20'.
peers: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.peers --write docs/peers.md $(SAMPLE)

# Runs headtorch over corpus/ and prints how often it names the right cause.
accuracy: .venv/dev
	$(BIN)/python -m corpus.accuracy

# Breaks the sound scripts of corpus/ in many ways, and prints how often headtorch names what was done.
mutants: .venv/dev
	$(BIN)/python -m corpus.mutants

# Lets headtorch fix each fault of corpus/, and runs what it has verified with a fresh seed.
fixes: .venv/dev
	$(BIN)/python -m corpus.fixes

test-corpus: .venv/dev
	$(BIN)/pytest --numprocesses 2 -m corpus

# The claims of the labs, each with three seeds, and what headtorch says of their faults.
test-labs: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 -m labs

# Searches of `headtorch tune`: many trials.
test-search: .venv/dev
	$(BIN)/pytest -m search

# Trials on a Ray cluster of two workers, started on this machine.
test-cluster: .venv/dev
	$(INSTALL) --editable '.[cluster]'
	$(BIN)/pytest -m cluster

# Kills a hundred trainings at random moments, some minutes.
test-faults: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -m faults

# The same five faults under Lightning, the Trainer of Hugging Face, Keras, fastai and others; about half an hour.
test-frameworks: .venv/dev
	$(INSTALL) --editable '.[frameworks]'
	$(INSTALL) --no-deps fastai
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 -m frameworks --junit-xml .venv/frameworks.xml; \
	code=$$?; $(BIN)/python docs/frameworks.py .venv/frameworks.xml && exit $$code

# The steps that tune, TPE and random search need; hours. CASES is a folder of cases.
bench-tune: .venv/dev
	$(BIN)/python -m bench.tune $(CASES)

# Renews docs/rules/, docs/faults.md and what README.md and CONTRIBUTING.md take from the project: the rules, a demo's output, an example.
docs: .venv/dev
	$(BIN)/python docs/renew.py
	$(BIN)/python docs/faults.py

# Pictures of the page into docs/screenshots/.
screenshots: .venv/dev .venv/browser
	$(BIN)/python docs/screenshots.py

# The browser that tests drive; Playwright's own downloads are not used.
.venv/browser: .venv/dev
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  { $(ROOT) apt-get update --quiet && $(ROOT) apt-get install --quiet --yes chromium; }
	touch $@

# Runs every lab in full and writes docs/labs/ with its figures and numbers, some minutes on two cores.
labs: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python docs/labs.py

# torch comes first and alone: as a dependency of another package, pip might fetch it again with gigabytes of CUDA.
.venv/user: pyproject.toml constraints-dev.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) torch
	$(INSTALL) scikit-learn --editable .
	touch $@

.venv/dev: .venv/user
	$(INSTALL) --editable '.[dev]'
	touch $@
