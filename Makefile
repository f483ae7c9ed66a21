# `make demo` and `make test` do all the set-up in .venv/ with pinned versions; `make help` lists the rest.
PYTHON ?= python3
PROCESSES ?= 2
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PINS := $(filter-out requirements/bench.txt,$(wildcard requirements/*.txt))
SOURCES := $(sort $(shell find pianokpm_ros training launch config -name __pycache__ -prune -o -type f -print))
SHELL := bash
export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DELETE_ON_ERROR:
.PHONY: help build test lint demo size clean bench-client bench-vision bench-exoskeleton bench-latency interface screenshots FORCE \
  bench-recording bench-real bench-person bench-model bench-takes

help:
	@echo 'make demo    set up, build, and run the pipeline on the recording that ships with it'
	@echo 'make test    set up, build, and run every test; PROCESSES=0: one after the other, as plain pytest does'
	@echo 'make build   set up and build only; then: source activate.bash'
	@echo 'make lint    ruff'
	@echo 'make size    size of the environment'
	@echo 'make bench-client  inject faults into the consumer client, and a million random message sequences'
	@echo 'make bench-recording  rehearse a session: record, kill, recover, data set, train, replay; losses and clock errors'
	@echo 'make bench-model   what an estimate costs, beside the rebuilt PianoKPM Net'
	@echo 'make bench-person  what a few seconds of a person bring (DATA=..., LEARNED=... data sets)'
	@echo 'make bench-takes   the model on landmarks that MediaPipe finds on rendered hands (TAKES=..., VIEWS=front: one camera)'
	@echo 'make bench-real    real poses and EMG against shuffled time'
	@echo 'make bench-exoskeleton  the exoskeleton example in closed loop, its cameras covered for a while'
	@echo 'make bench-latency  from frame stamp to estimate, stage by stage: two views, 30 and 60 frames/s, hands full and in 8 bits'
	@echo 'make interface  docs/interface.md anew, after a change of parameters or topics'
	@echo 'make screenshots  pictures of the live view during the demo and of the report (needs Chromium)'
	@echo 'make bench-vision  speed, accuracy, calibration, faults of the vision (DATA=... for real recordings)'
	@echo 'make clean   remove .venv, build, install, log, out'
	@echo 'PYTHON=...   which Python 3.10 to 3.12 to use (now: $(PYTHON))'

$(VENV)/.ready: $(PINS) scripts/check_machine.py
	@$(PYTHON) scripts/check_machine.py
	@echo '== environment in $(VENV)/ (some minutes the first time)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --upgrade pip==25.3
	@$(BIN)/python -m pip install -q -c requirements/constraints.txt -r requirements/runtime.txt -r requirements/ros.txt -r requirements/test.txt
	@$(BIN)/python -m pip install -q --no-deps -r requirements/mediapipe.txt
	@$(BIN)/python -m pip install -q --no-deps -r requirements/int8.txt \
	  || echo 'OpenVINO has no wheel for this machine: hands are found in 32 bits, at half the speed'
	@touch $@

# Training and its tests need torch: not wanted for the demo. No warnings: what MediaPipe's wheels ask for is left out on purpose.
$(VENV)/.training: $(VENV)/.ready
	@echo '== training extra (torch)'
	@$(BIN)/python -m pip install -q --no-warn-conflicts -c requirements/constraints.txt -r requirements/training.txt
	@$(BIN)/python -m pip install -q --no-warn-conflicts -c requirements/constraints.txt -c requirements/runtime.txt -r requirements/lsl.txt -r requirements/midi.txt -r requirements/bids.txt -r requirements/import.txt \
	  || echo 'LSL, live MIDI, BIDS or HDF5 have no wheel for this machine: their tests are skipped'
	@touch $@

# Sources are linked into install/, so edits count at once; messages, executables and new files need a new build.
build/.sources: FORCE
	@mkdir -p build
	@printf '%s\n' $(SOURCES) | cmp -s - $@ || printf '%s\n' $(SOURCES) > $@

install/.ready: $(VENV)/.ready build/.sources CMakeLists.txt package.xml setup.cfg training/setup.cfg $(wildcard msg/*.msg)
	@echo '== colcon build'
	@source ./activate.bash && colcon build --symlink-install \
	  --cmake-args -DPython3_EXECUTABLE=$(BIN)/python -DBUILD_TESTING=OFF > build.log 2>&1 \
	  || { tail -40 build.log; echo 'colcon build failed; all of its output is in build.log'; exit 1; }
	@touch $@

build: install/.ready

# A test that hangs ends its process after 15 minutes (pyproject.toml), and that the run: it would hang again, and again.
test: install/.ready $(VENV)/.training
	@$(BIN)/ruff check .
	@source ./activate.bash && python -m pytest -n $(PROCESSES) --no-loadscope-reorder --max-worker-restart=0

lint: $(VENV)/.ready
	@$(BIN)/ruff check .

demo: install/.ready
	@source ./activate.bash && pianokpm demo

size: $(VENV)/.ready
	@du -sh $(VENV)

clean:
	rm -rf $(VENV) build install log out build.log

bench-client: install/.ready
	@source ./activate.bash && python scripts/bench_client.py

bench-recording: install/.ready $(VENV)/.training
	@source ./activate.bash && python scripts/bench_recording.py

bench-real: install/.ready $(VENV)/.training
	@source ./activate.bash && python scripts/bench_real.py

screenshots: install/.ready
	@source ./activate.bash && python scripts/screenshots.py

# What it compares with needs no more than what stands in the file: the GUI build of OpenCV stays out.
$(VENV)/.bench: $(VENV)/.ready requirements/bench.txt
	@$(BIN)/python -m pip install -q --no-deps -r requirements/bench.txt
	@touch $@

bench-vision: install/.ready $(VENV)/.bench
	@source ./activate.bash && python -m scripts.bench_vision --data '$(or $(DATA),../shared/data)'

bench-model: install/.ready $(VENV)/.training
	@source ./activate.bash && python scripts/bench_muscle.py $(MODEL) --published

# How calibration to a person closes the gap: make bench-person DATA=out/persons LEARNED=out/full [MODEL=DIR]
bench-person: install/.ready $(VENV)/.training
	@source ./activate.bash && python scripts/bench_person.py $(DATA) $(if $(LEARNED),--learned $(LEARNED)) $(if $(MODEL),--model $(MODEL)) --picture out/person.png

# The muscle model on the real front end's landmarks: make bench-takes [TAKES='out/take ...'] [VIEWS=front] [MODEL=DIR]
bench-takes: install/.ready $(VENV)/.training
	@source ./activate.bash && python scripts/bench_takes.py $(TAKES) $(if $(MODEL),--model $(MODEL)) $(if $(VIEWS),--views $(VIEWS))

bench-exoskeleton: install/.ready
	@source ./activate.bash && python scripts/bench_exoskeleton.py

interface: install/.ready
	@source ./activate.bash && python scripts/make_interface.py

bench-latency: install/.ready
	@source ./activate.bash && python scripts/bench_latency.py
