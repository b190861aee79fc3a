# narabi-train, on the libtorch inside pip's torch (scripts/install_train_deps.sh puts it into .deps/torch).
# It shares no library with the kernels: libtorch carries a oneDNN of its own.
set(NARABI_TORCH "${PROJECT_SOURCE_DIR}/.deps/torch" CACHE PATH "Where pip put torch (--target)")
find_package(yaml-cpp REQUIRED)

find_library(NARABI_TORCH_CPU torch_cpu PATHS ${NARABI_TORCH}/torch/lib NO_DEFAULT_PATH)
find_library(NARABI_C10 c10 PATHS ${NARABI_TORCH}/torch/lib NO_DEFAULT_PATH)
if(NOT NARABI_TORCH_CPU)
  message(FATAL_ERROR "NARABI_TRAIN: no libtorch in ${NARABI_TORCH}: run `make train-deps`")
endif()
add_library(narabi_torch INTERFACE)
foreach(folder include include/torch/csrc/api/include)  # after Debian's: it has a newer fmt among its own
  target_compile_options(narabi_torch INTERFACE "SHELL:-idirafter ${NARABI_TORCH}/torch/${folder}")
endforeach()
target_link_libraries(narabi_torch INTERFACE ${NARABI_TORCH_CPU} ${NARABI_C10})

narabi_folder(train DEPENDS eval data models tokenize checkpoint base)
target_link_libraries(narabi_train PUBLIC narabi_torch PRIVATE yaml-cpp nlohmann_json::nlohmann_json fmt::fmt)

add_executable(narabi-train src/train/main.cc)
target_link_libraries(narabi-train PRIVATE narabi_train narabi_flags CLI11::CLI11 fmt::fmt)
target_link_options(narabi-train BEFORE PRIVATE -Wl,--as-needed -Wl,-rpath,${NARABI_TORCH}/torch/lib)
set_target_properties(narabi-train PROPERTIES SKIP_BUILD_RPATH ON)
