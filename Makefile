# A thin front to scripts/setup, meson and tests/run.py. `make help` lists what there is.
#
#   PREFIX=/usr/local DESTDIR=   where `make install` puts things
#   JOBS=                        how many compilers at once (ninja's choice)
#   CC=gcc | clang-14            the compiler
#   WERROR=true | false          warnings are errors (true in CI)
#   ARGS=                        more arguments for test, check, sweep, bench, demo
#   TARGET= SECONDS=60           which fuzz targets (all), and how long each

PREFIX ?= /usr/local
WERROR ?= $(if $(CI),true,false)
BUILD  := build
ASAN   := build-asan
TSAN   := build-tsan
FUZZ   := build-fuzz
SECONDS ?= 60
BUILD_ONE = scripts/configure $(1) $(2) -Dwerror=$(WERROR) && meson compile -C $(1) $(if $(JOBS),-j $(JOBS))
RELEASE   = $(call BUILD_ONE,$(BUILD),--buildtype=release -Dprefix="$(PREFIX)")
SANITIZED = $(call BUILD_ONE,$(ASAN),--buildtype=debugoptimized -Db_sanitize=address$(,)undefined)
, := ,
THREADS_SEEN = suppressions=$(CURDIR)/tests/tsan.supp:ignore_noninstrumented_modules=1:history_size=7
C_FILES = git ls-files -z -co --exclude-standard -- '*.c' '*.h'

ifneq ($(origin CC),default)
export CC
endif

.PHONY: all setup help demo test check sweep conformance threads fuzz tidy format bench install clean distclean
all: setup ## set up and build: the command is build/silt
	$(RELEASE)

setup: ## bring what the build needs: packages, libduckdb, yyjson, CRoaring
	scripts/setup

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: all ## the main job on real data, in a minute
	SILT="$(CURDIR)/$(BUILD)/silt" examples/demo.sh $(ARGS)

test: ## every test; ends with "N passed, N failed"
	scripts/setup --test
	$(RELEASE)
	$(SANITIZED)
	python3 tests/run.py $(ARGS)

check: ## what to run before a commit: sanitizers, fast tests, source tree, format
	scripts/setup --test --dev
	$(SANITIZED)
	python3 tests/run.py --fast $(ARGS)

sweep: ## every fault and kill point there is, 8 hours at most; the next call goes on. ARGS="--hours 2 --shard 1/4 --anew"
	scripts/setup --test
	$(RELEASE)
	$(SANITIZED)
	SILT_SWEEP=full python3 tests/run.py --sweep $(ARGS)

threads: ## tables at a time under ThreadSanitizer
	scripts/setup --test
	$(call BUILD_ONE,$(TSAN),--buildtype=debugoptimized -Db_sanitize=thread)
	SILT_BIN="$(CURDIR)/$(TSAN)/silt" TSAN_OPTIONS="$(THREADS_SEEN)" \
	    $(BUILD)/venv/bin/python -m pytest -q -p no:cacheprovider tests/cli/test_cli_parallel.py $(ARGS)

fuzz: ## look for inputs that break readers of the log; TARGET=dv SECONDS=600
	scripts/setup --dev
	CC=clang-14 scripts/configure $(FUZZ) --buildtype=debugoptimized -Db_sanitize=address,undefined -Dfuzz=true
	meson compile -C $(FUZZ) $(if $(JOBS),-j $(JOBS)) fuzz
	scripts/fuzz $(FUZZ) $(SECONDS) $(TARGET)

conformance: all ## operations and tables by Silt and by Spark, compared value by value; long
	scripts/setup --test
	scripts/setup_spark.sh
	python3 tests/run.py --conformance $(ARGS)

tidy: ## the rules of the source tree alone
	python3 tests/tidy.py

format: ## lay out all C code by .clang-format, or FILES="a.c b.h"
	scripts/setup --dev
	$(if $(FILES),clang-format-14 -i $(FILES),$(C_FILES) | xargs -0 -r clang-format-14 -i)

bench: all ## time and memory against the least possible; ARGS="--scale small commits"
	SILT_BIN="$(CURDIR)/$(BUILD)/silt" python3 bench/run.py $(ARGS)

install: all ## command, library, headers, manual pages
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild

clean: ## remove what was built, keep what was fetched
	rm -rf $(ASAN) $(TSAN) $(FUZZ)
	if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 ! -name deps ! -name venv -exec rm -rf {} +; fi

distclean: ## remove all of it
	rm -rf $(BUILD) $(ASAN) $(TSAN) $(FUZZ)
