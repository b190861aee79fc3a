# narabi-train, on the libtorch inside pip's torch (scripts/install_train_deps.sh puts it into .deps/torch).
# It shares no library with the kernels: libtorch carries a oneDNN of its own.
set(NARABI_TORCH "${PROJECT_SOURCE_DIR}/.deps/torch" CACHE PATH "Where pip put torch (--target)")
find_package(yaml-cpp REQUIRED)
find_path(NARABI_GLOO_INCLUDE gloo/context.h)  # its headers only: the code is in libtorch

find_library(NARABI_TORCH_CPU torch_cpu PATHS ${NARABI_TORCH}/torch/lib NO_DEFAULT_PATH)
find_library(NARABI_C10 c10 PATHS ${NARABI_TORCH}/torch/lib NO_DEFAULT_PATH)
if(NOT NARABI_TORCH_CPU OR NOT NARABI_GLOO_INCLUDE)
  message(FATAL_ERROR "NARABI_TRAIN: no libtorch in ${NARABI_TORCH}, or no gloo headers: run `make train-deps`")
endif()
add_library(narabi_torch INTERFACE)
foreach(folder include include/torch/csrc/api/include)  # after Debian's: it has a newer fmt among its own
  target_compile_options(narabi_torch INTERFACE "SHELL:-idirafter ${NARABI_TORCH}/torch/${folder}")
endforeach()
target_compile_definitions(narabi_torch INTERFACE USE_C10D_GLOO)
target_link_libraries(narabi_torch INTERFACE ${NARABI_TORCH_CPU} ${NARABI_C10})
add_library(narabi::torch ALIAS narabi_torch)

# Libraries that libtorch names and this program does not (CUDA's) stay out of its link.
function(narabi_link_torch target)
  target_link_options(${target} BEFORE PRIVATE -Wl,--as-needed -Wl,-rpath,${NARABI_TORCH}/torch/lib)
  set_target_properties(${target} PROPERTIES SKIP_BUILD_RPATH ON)
endfunction()

function(narabi_train_program)
  if(NOT NARABI_UNITY)
    target_precompile_headers(narabi_train PRIVATE <torch/types.h>)  # 10 s of parsing, once
  endif()
  set_source_files_properties(src/train/attention_core_bf16.cc src/train/attention_core_amx.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  add_executable(narabi-train src/train/main.cc)
  target_link_libraries(narabi-train PRIVATE narabi_train narabi_flags)
  narabi_link_torch(narabi-train)
  if(TARGET narabi_train_test)
    if(NOT NARABI_UNITY)
      target_precompile_headers(narabi_train_test PRIVATE <torch/types.h>)
    endif()
    narabi_link_torch(narabi_train_test)
  endif()
endfunction()
