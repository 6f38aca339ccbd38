# Each target sets itself up in .venv, with the versions of constraints.txt; a machine with Python 3.11 and pip is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Python 3.12 with the newest version of everything. torch brings gigabytes of CUDA there, so it lives outside the tree.
NEWEST_PYTHON ?= $(shell python3.12 -c 'import sys; print(sys.executable)' 2>/dev/null || \
	PYENV_VERSION=$$(pyenv latest 3.12 2>/dev/null) pyenv which python 2>/dev/null || echo python3.12)
NEWEST ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/scellm/newest
# Lowest coverage, in percent of lines and branches, that `make test-all` accepts.
COVERAGE := 96

# Two tests run at once, so each has one thread.
test test-all test-newest: export OMP_NUM_THREADS ?= 1

.PHONY: demo weights-report drug-report scoreboard benchmark test test-all newest test-newest lint types docs wheel install clean

demo: $(VENV)/.base
	$(BIN)/python scripts/demo.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -q -m "not slow" -n 2

# All tests with coverage, then the ratio of test code to package code (at least 0.8).
test-all: $(VENV)/.test
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report=term --cov-fail-under=$(COVERAGE)
	$(BIN)/python scripts/code_lines.py 0.8

newest: $(NEWEST)/.test

test-newest: newest
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(NEWEST)/bin/python -m pytest -q -m "not slow" -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(VENV)/.dev
	$(BIN)/mypy

# Every score of the shipped weights' model card, from the files of the data folder. WORK=folder of
# scripts/pretrain.py adds the stages of pretraining; NAME=celllm-mini judges these in place of celllm-bag.
weights-report: $(VENV)/.base
	$(BIN)/python benchmarks/weights_report.py $(if $(NAME),--name $(NAME)) $(if $(WORK),--work $(WORK))

# Every number of the page "Drug response", from the files of the data folder.
drug-report: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/drug_report.py

# The tables of the page "How good is it?": a quick profile that takes minutes, and the tables of the last whole run.
# WORK=folder runs all tasks and methods (hours), keeps predictions there, and writes the page.
scoreboard: $(VENV)/.test
ifdef WORK
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scoreboard.py --whole $(WORK)/scoreboard --docs
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/where_it_looks.py --docs
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/ablations.py $(WORK)/ablations --docs
else
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scoreboard.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/where_it_looks.py --cells 12 --sets pbmc3k
	@echo "Ablations of pretraining, as of the last whole run:"; cat docs/user_guide/_ablations.md
	@echo "Types that were not learned, as of the last whole run:"; cat docs/user_guide/_unknown_types.md
	@echo "Other ways to learn, peers, slow models and neutral harnesses, as of their last run:"; \
		cd docs/user_guide && cat _scoreboard_some.md _peers.md _slow_models.md _cz_benchmarks.md
endif

# Tables of the pages "Speed and memory" and "Large data and several machines", each with its peer beside it; over an hour.
benchmark: $(VENV)/.test
	$(PIP) --group benchmark
	for script in prepare.py training_step.py loader.py inference.py "divide_and_conquer.py --longest" \
		"tiled_loss.py --cells 2048 8192" processes.py on_disk.py plan.py; do \
		echo "== $$script" && OMP_NUM_THREADS=1 $(BIN)/python benchmarks/$$script || exit 1; done

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W -n --keep-going -q -b html docs docs/_build/html
	@echo "docs: docs/_build/html/index.html"

wheel: $(VENV)/.dev
	rm -rf dist && $(BIN)/python -m build --quiet --wheel --sdist && $(BIN)/twine check --strict dist/*

install: $(VENV)/.base

# torch first and by itself, from PyTorch's own index of builds for CPUs: plain `torch` would bring gigabytes of CUDA.
# Where that index cannot be reached, the usual one serves.
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --timeout 10 --retries 0 --index-url $(CPU_INDEX) --no-deps $$(grep -i '^torch==' constraints.txt) \
		2>/dev/null || true
	$(PIP) $$(grep -i '^torch==' constraints.txt)
	$(PIP) -e .
	touch $@

$(VENV)/.test: $(VENV)/.base
	$(PIP) -e '.[performer,graph,dgl,drug,stream]' --group test
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) --group dev
	touch $@

$(NEWEST)/.test: pyproject.toml
	$(NEWEST_PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -e '.[performer,graph,drug,stream]' --group test
	touch $@

clean:
	rm -rf $(VENV) dist docs/_build docs/generated .pytest_cache .mypy_cache .ruff_cache
