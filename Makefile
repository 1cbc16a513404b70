# Every target makes what it needs first, once: see .ci/environment.sh.

VENV = .venv
# The interpreter that $(VENV) is made with, by its path; found if not given.
PYTHON =
# More arguments: make test ARGS="-k adam", make demo ARGS="--epochs 1"; the tests
# in a random order: make test ARGS="--shuffle 7"
ARGS =

# Of test-pythons: all that are here if not given, or PYTHONS="3.12 3.13".
PYTHONS =

RUN = $(VENV)/bin/python

PREREQUISITES = setup.py .ci/environment.sh $(wildcard .ci/constraints*.txt)

.PHONY: help demo test test-pythons fuzz lint format docs bench report clean

help: ## print this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1	\2/p' Makefile

$(VENV)/complete: $(PREREQUISITES)
	@PYTHON='$(PYTHON)' sh .ci/environment.sh $(VENV)

demo: $(VENV)/complete ## learn word vectors from text, and print neighbours
	$(RUN) examples/word2vec.py $(ARGS)

test: $(VENV)/complete ## run the tests
	$(RUN) -m pytest -n 2 $(ARGS)

test-pythons: ## run the tests on each Python from 3.8 to 3.13 that is here
	ARGS='$(ARGS)' sh .ci/test_pythons.sh $(PYTHONS)

fuzz: $(VENV)/complete ## judge random programs: ARGS="--examples 5000 --seed 7"
	PYTHONPATH=tests $(RUN) -W ignore -m fuzz $(ARGS)

lint: $(VENV)/complete ## look for mistakes and untidiness in the source
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/complete ## lay the source out as ruff does
	$(RUN) -m ruff format .

docs: $(VENV)/complete ## build the documentation: docs/_build/index.html
	$(RUN) -m sphinx -q -W --keep-going docs docs/_build

bench: $(VENV)/complete ## measure against the peers (hours; makes .venv-peers)
	$(RUN) benchmarks/run.py $(ARGS)

report: $(VENV)/complete ## print what the library found below itself
	$(RUN) -m lasagne_sparse

clean: ## remove all that make has made
	rm -rf $(VENV) $(VENV)-* .venv-peers build dist *.egg-info docs/_build
	rm -rf .pytest_cache .ruff_cache .hypothesis word_vectors.*
	find . -name __pycache__ -type d -exec rm -rf {} +
