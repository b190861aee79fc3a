# Everything a fresh Debian 12 needs is installed by `make deps`; demo, test and bench call it first.
#
#   make demo     install, build, and rerank a real question over a shipped sample
#   make test     every test, then again under the sanitizers; PRESET=release for the plain run alone
#   make bench    speed beside this machine's own GEMM rate
#   make install  PREFIX=/usr/local: the binary, the library, find_package(narabi)

PRESET ?= all
PREFIX ?= /usr/local

.PHONY: all deps build demo test bench fuzz format tidy install clean
all: build

deps:
	scripts/install_deps.sh

build: deps
	cmake --preset release
	cmake --build build/release

demo: build
	scripts/demo.sh

test: deps
	scripts/test.sh $(PRESET)

bench: build
	scripts/bench.sh

fuzz: deps
	scripts/fuzz.sh

format:
	scripts/format.sh

tidy:
	scripts/tidy.sh

install: build
	cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
