# narabi_folder(NAME DEPENDS ...): every src/NAME/**.cc becomes the object library narabi_NAME,
# every *_test.cc beside it a test of that folder (narabi_NAME_test).
# A file named *_avx2.cc, *_avx512.cc, *_vnni.cc, *_bf16.cc or *_amx.cc is compiled for that instruction set and for nothing more:
# there is no global -march, so the binary runs on any x86-64 and picks the code at run time.

set(NARABI_AVX2_FLAGS -mavx2 -mfma -mf16c)
set(NARABI_AVX512_FLAGS -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512
  -Wno-uninitialized -Wno-maybe-uninitialized)  # gcc 12 warns inside its own avx512fintrin.h (PR 105593)
set(NARABI_VNNI_FLAGS ${NARABI_AVX512_FLAGS} -mavx512vnni)
set(NARABI_BF16_FLAGS ${NARABI_VNNI_FLAGS} -mavx512bf16)
set(NARABI_AMX_FLAGS ${NARABI_BF16_FLAGS} -mamx-tile -mamx-int8 -mamx-bf16)
set(NARABI_FOLDERS "" CACHE INTERNAL "")

add_library(narabi_flags INTERFACE)
target_compile_options(narabi_flags INTERFACE -Wall -Wextra -Wconversion -Wno-sign-conversion
  -Wno-restrict)  # gcc 12 warns falsely on std::string operator+ (PR 105651)
if(NOT NARABI_UNITY)  # where a file sees what its neighbours name
  target_compile_options(narabi_flags INTERFACE -Wshadow)
endif()
# Scores must not depend on which compiler contracted a*b+c where: kernels write fma where they mean it.
target_compile_options(narabi_flags INTERFACE -ffp-contract=off)
if(NARABI_SANITIZE)
  target_compile_options(narabi_flags INTERFACE -fsanitize=${NARABI_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(narabi_flags INTERFACE -fsanitize=${NARABI_SANITIZE})
  if(NARABI_SANITIZE MATCHES "undefined")
    target_compile_options(narabi_flags INTERFACE -fno-sanitize-recover=undefined)
    if(NARABI_SANITIZE MATCHES "address")  # which stops at a null pointer too: a check less at each access
      target_compile_options(narabi_flags INTERFACE -fno-sanitize=null)
    endif()
  endif()
endif()

# NARABI_UNITY compiles several files as one: what every file would read and instantiate again (JSON, CLI11, torch,
# GoogleTest) comes once. A whole build takes half the time; after an edit its neighbours are compiled again too.
# Names that a file keeps to itself then have to differ within a folder. CMake leaves out files with flags of their own.
function(narabi_unity target)
  if(NARABI_UNITY AND NOT target MATCHES "kernels")  # hardly two of its files have the same flags
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)  # a file that is included counts as a header
  endif()
endfunction()

# Folders whose code and tests start no thread: under TSan their own tests are not built.
set(NARABI_WITHOUT_THREADS text tokenize checkpoint kernels eval data)

function(narabi_folder name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  foreach(source IN LISTS sources)
    if(source MATCHES "_avx2\\.cc$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${NARABI_AVX2_FLAGS}")
    elseif(source MATCHES "_avx512\\.cc$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${NARABI_AVX512_FLAGS}")
    elseif(source MATCHES "_vnni\\.cc$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${NARABI_VNNI_FLAGS}")
    elseif(source MATCHES "_bf16\\.cc$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${NARABI_BF16_FLAGS}")
    elseif(source MATCHES "_amx\\.cc$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${NARABI_AMX_FLAGS}")
    endif()
  endforeach()
  set(target narabi_${name})
  if(NOT sources)  # a folder still to be written
    file(WRITE ${PROJECT_BINARY_DIR}/${name}_empty.cc "")
    set(sources ${PROJECT_BINARY_DIR}/${name}_empty.cc)
  endif()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:narabi_flags>)
  narabi_unity(${target})
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(${target} PUBLIC narabi_${dependency})
  endforeach()
  set(NARABI_FOLDERS ${NARABI_FOLDERS} ${name} CACHE INTERNAL "")
  if(NARABI_SANITIZE STREQUAL "thread" AND name IN_LIST NARABI_WITHOUT_THREADS)
    set(tests "")
  endif()
  if(NARABI_BUILD_TESTS AND tests)
    narabi_test(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target})
    narabi_unity(${target}_test)
  endif()
endfunction()

# What takes a test's time is the library's code; to optimise its own only takes time to compile.
set(NARABI_TEST_FLAGS -O0)

# What nearly every test reads is parsed once for all of them, in the sanitizers' builds: with -O3 gcc 12 forgets which
# headers are the system's and warns inside them; and a missing #include is found where there is no such header.
if(NARABI_BUILD_TESTS AND NARABI_SANITIZE)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT "int main() {}\n")
  add_executable(narabi_test_headers ${PROJECT_BINARY_DIR}/test_headers.cc)  # as the tests are: with -fPIE
  target_link_libraries(narabi_test_headers PRIVATE narabi_flags GTest::gtest GTest::gmock nlohmann_json::nlohmann_json)
  target_compile_options(narabi_test_headers PRIVATE ${NARABI_TEST_FLAGS})
  target_precompile_headers(narabi_test_headers PRIVATE <gtest/gtest.h> <gmock/gmock.h> <nlohmann/json.hpp>)
endif()

# A program under TSan that has threads sleeps for a second before it ends, to see what they do at its end: the tests
# start narabi some hundred times, and a twentieth of a second is long for a thread that should be gone. Long tests that
# have one thread, and no race, or the same threads as others are left to ASan and UBSan.
set(NARABI_NOT_UNDER_TSAN Errors.survive_damage_to_any_file
  Searching.finds_the_exact_top_k_however_the_collection_is_cut
  Searching.scores_and_ranks_equally_however_the_collection_is_cut
  GoldenTokenizer.* *.gives_the_same_ids_types_and_flags/* *PackedReranker.gives_the_ids_of_the_reference/*
  *PackedReranker.gives_the_very_logits_of_a_mixture_of_precisions/*)
function(narabi_sanitizer_options test)
  if(NARABI_SANITIZE STREQUAL "thread")
    list(JOIN NARABI_NOT_UNDER_TSAN ":" left_out)
    set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "GTEST_FILTER=-${left_out}")
    set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=string_append: atexit_sleep_ms=50")
  endif()
endfunction()

# narabi_test(NAME FILES...): a GoogleTest binary, run by ctest as one test per binary
# (the binaries print each case; one process per binary keeps sanitizer runs short).
function(narabi_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE narabi_flags ZLIB::ZLIB nlohmann_json::nlohmann_json GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE ${NARABI_TEST_FLAGS})
  string(REPLACE "," "_" sanitized "${NARABI_SANITIZE}")  # a comma would end the expression below
  if(TARGET narabi_test_headers)
    target_precompile_headers(${name} REUSE_FROM narabi_test_headers)
  endif()
  target_compile_definitions(${name} PRIVATE
    NARABI_SOURCE_DIR="${PROJECT_SOURCE_DIR}" NARABI_BINARY_DIR="${PROJECT_BINARY_DIR}"
    $<$<BOOL:${sanitized}>:NARABI_SANITIZED>)  # fewer repetitions where a test is about volume
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  add_test(NAME ${name} COMMAND ${name})
  narabi_sanitizer_options(${name})
endfunction()
