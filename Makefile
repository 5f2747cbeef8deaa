PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --constraint constraints-dev.txt

.PHONY: test demo bench accuracy test-corpus docs labs

# Everything that must hold before a change lands.
test: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest --numprocesses 2 --dist worksteal

# A network on the iris flowers at a learning rate that is much too high, and what headtorch says of it.
demo: .venv/user
	$(BIN)/headtorch run examples/iris.py --lr 2

bench: .venv/dev
	$(BIN)/python -m bench

# Runs headtorch over corpus/ and prints how often it names the right cause.
accuracy: .venv/dev
	$(BIN)/python corpus/accuracy.py

test-corpus: .venv/dev
	$(BIN)/pytest --numprocesses 2 -m corpus

# Renews docs/rules/ and what README.md and CONTRIBUTING.md take from the project: the rules, a demo's output, an example.
docs: .venv/dev
	$(BIN)/python docs/renew.py

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
	$(INSTALL) --editable '.[dev,labs]'
	touch $@
