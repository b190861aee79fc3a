# Everything here is in Debian 12 by name (scripts/install_deps.sh); CONTRIBUTING.md says what each one is for.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)  # used as a header alone
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(Boost 1.81 REQUIRED)  # Asio and Beast, headers only
find_package(fmt 9 REQUIRED)
if(NARABI_BUILD_FUZZ)  # by clang, which has no OpenMP here; the fuzz targets need no kernels
  add_library(OpenMP::OpenMP_CXX INTERFACE IMPORTED)
else()
  find_package(OpenMP REQUIRED)  # oneDNN's runtime in Debian; narabi only tells it to use one thread
endif()
find_package(PkgConfig REQUIRED)

pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc icu-i18n)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)

find_path(MECAB_INCLUDE_DIR mecab.h REQUIRED)
find_library(MECAB_LIBRARY mecab REQUIRED)

add_library(narabi_mecab INTERFACE)
target_include_directories(narabi_mecab SYSTEM INTERFACE ${MECAB_INCLUDE_DIR})
target_link_libraries(narabi_mecab INTERFACE ${MECAB_LIBRARY})

# Debian's dnnl-config.cmake asks for OpenCL's headers, which a CPU build has no use for.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(narabi_dnnl INTERFACE)
target_include_directories(narabi_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(narabi_dnnl INTERFACE ${DNNL_LIBRARY})

# Debian's faiss is a static library; BLAS and LAPACK come from OpenBLAS with OpenMP threads, as faiss's own.
find_path(FAISS_INCLUDE_DIR faiss/Index.h REQUIRED)
find_library(FAISS_LIBRARY faiss REQUIRED)
find_library(OPENBLAS_LIBRARY openblas PATH_SUFFIXES openblas-openmp REQUIRED)
add_library(narabi_faiss INTERFACE)
target_include_directories(narabi_faiss SYSTEM INTERFACE ${FAISS_INCLUDE_DIR})
target_link_libraries(narabi_faiss INTERFACE ${FAISS_LIBRARY} ${OPENBLAS_LIBRARY} OpenMP::OpenMP_CXX)

add_library(narabi::mecab ALIAS narabi_mecab)
add_library(narabi::faiss ALIAS narabi_faiss)
add_library(narabi::icu ALIAS PkgConfig::ICU)
add_library(narabi::zstd ALIAS PkgConfig::ZSTD)
add_library(narabi::sentencepiece ALIAS PkgConfig::SENTENCEPIECE)
add_library(narabi::dnnl ALIAS narabi_dnnl)

if(NARABI_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(NARABI_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
