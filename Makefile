# Everything a fresh Debian 12 needs is installed by `make deps`; demo, test and bench call it first.
#
#   make demo     install, build, and rerank a real question over a shipped sample
#   make test     every test, then most again under the sanitizers; PRESET=release for the plain run alone
#   make bench    speed beside this machine's own GEMM rate
#   make train-deps  what `narabi train` needs, and the build of it
#   make install  PREFIX=/usr/local: the binary, the library, find_package(narabi)

PRESET ?= all
PREFIX ?= /usr/local

.PHONY: all deps train-deps build demo test bench fuzz format tidy install clean
all: build

deps:
	scripts/install_deps.sh

# What training needs (1.3 GB; NARABI_TORCH_CUDA=1 for a GPU: 5 GB), and narabi-train beside narabi.
train-deps:
	scripts/install_train_deps.sh
	cmake --preset release -DNARABI_TRAIN=ON
	cmake --build build/release

build: deps
	cmake --preset release
	cmake --build build/release

demo: deps
	scripts/configure.sh release
	cmake --build build/release --target narabi
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
