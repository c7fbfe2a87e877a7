# A front door: everything is done by CMake and the scripts.
BUILD := build
PYTHON := .venv/bin/python

.PHONY: all demo check bench bench-python bench-graphs lint format fuzz install clean setup

all:
	cmake -G Ninja -B $(BUILD) -DCMAKE_BUILD_TYPE=Release
	cmake --build $(BUILD)

setup:
	scripts/setup

# Exports the real all-MiniLM-L6-v2, validates it and compares sentences with the result.
demo: setup all
	scripts/demo $(BUILD)/onnxport

check: setup
	scripts/check

bench: setup all
	$(PYTHON) bench/export.py $(BUILD)

# Against the Python exporters; installs PyTorch, which takes a while.
bench-python: all .venv-bench
	.venv-bench/bin/python bench/python.py $(BUILD)

# The graphs alone, of six models.
bench-graphs: all .venv-bench
	.venv-bench/bin/python bench/graphs.py $(BUILD)

.venv-bench:
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install -q torch==2.13.0 transformers==4.57.6 onnx==1.23.2 onnxscript onnxruntime==1.32.0

lint: setup
	scripts/lint

format: setup
	.venv/bin/clang-format -i $$(git ls-files '*.c' '*.h' | grep -v -e short_names.h -e arch/list.h)

# SECONDS_EACH of libFuzzer per parser.
fuzz: setup
	scripts/fuzz $(or $(SECONDS_EACH),60)

install: all
	cmake --install $(BUILD)

clean:
	rm -rf build build-*
