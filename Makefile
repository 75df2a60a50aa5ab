# make setup: everything that Maskloop needs, on a machine with Python 3.11 or 3.12 and make.
# make test:  lint, types, import contracts and all tests (live and browser ones included).
#             With another Python beside it: make test PYTHON=python3.12 VENV=.venv-3.12
# make test-long: what takes longer: odd projects with the real learner, fuzzing at size.
# make demo:  a real loop on a real Label Studio; ARGS="--cycles 3 --exit" passes options on.

PYTHON ?= python3.11
VENV := .venv
LABEL_STUDIO := .venv-label-studio
BIN := $(VENV)/bin
HEADLESS := opencv-python-headless==4.12.0.88

.PHONY: setup test test-long demo clean

setup: $(VENV)/.done $(LABEL_STUDIO)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' \
	  || { echo "make setup: $(PYTHON) is not Python 3.11 or 3.12; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	$(BIN)/pip install --quiet --force-reinstall --no-deps $(HEADLESS)
	touch $@

$(LABEL_STUDIO)/.done: .ci/label-studio.txt
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/pip install --quiet --requirement .ci/label-studio.txt
	touch $@

test: setup
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || .ci/install-chromium
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-long: setup
	$(BIN)/pytest -m long --numprocesses 2 --dist loadfile --no-loadscope-reorder

demo: setup
	$(BIN)/maskloop demo $(ARGS)

clean:
	rm -rf $(VENV) $(LABEL_STUDIO)
