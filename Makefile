# make setup: everything that Maskloop needs, on a machine with Python 3.11 or 3.12 and make.
# make test:  lint, types, import contracts and all tests (live and browser ones included).
#             With another Python beside it: make test PYTHON=python3.12 VENV=.venv-3.12
# make test-long: what takes longer: odd projects with the real learner, fuzzing at size.
# make scatterplot: makes daemon/web/static/scatterplot.min.js again from npm; it needs node, and gives the same bytes.
# make plotly: fetches daemon/web/static/plotly-basic.min.js again from npm; it gives the same bytes.
# make demo:  a real loop on a real Label Studio; ARGS="--cycles 3 --exit" passes options on.

PYTHON ?= python3.11
VENV := .venv
LABEL_STUDIO := .venv-label-studio
BIN := $(VENV)/bin
SCATTERPLOT := regl-scatterplot@1.16.0 regl@2.1.1 pub-sub-es@3.0.0 esbuild@0.28.2
PLOTLY := plotly.js-basic-dist-min@4.1.1
HEADLESS := opencv-python-headless==4.12.0.88

.PHONY: setup test test-long scatterplot plotly demo clean

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

scatterplot:
	rm -rf build/scatterplot && mkdir -p build/scatterplot
	cd build/scatterplot && npm install --silent --no-audit --no-fund --prefix . $(SCATTERPLOT)
	cd build/scatterplot && echo 'export { default } from "regl-scatterplot"' > entry.js && npx esbuild entry.js --bundle \
	  --minify --format=iife --global-name=scatterplot --legal-comments=none --outfile=../../daemon/web/static/scatterplot.min.js
	sha256sum daemon/web/static/scatterplot.min.js

plotly:
	rm -rf build/plotly && mkdir -p build/plotly
	cd build/plotly && npm pack --silent $(PLOTLY) && tar -xzf plotly.js-basic-dist-min-*.tgz
	cp build/plotly/package/plotly-basic.min.js daemon/web/static/
	sha256sum daemon/web/static/plotly-basic.min.js

demo: setup
	$(BIN)/maskloop demo $(ARGS)

clean:
	rm -rf $(VENV) $(LABEL_STUDIO)
