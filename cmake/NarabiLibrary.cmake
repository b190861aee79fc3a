# libnarabi: the folders of run time as one shared library behind include/narabi, with its third-party
# libraries private, so that find_package(narabi) asks nothing more of a user.
set(NARABI_LIBRARY_FOLDERS base text tokenize checkpoint kernels models engine rerank retrieve eval)

if(NOT NARABI_SANITIZE)
  set(objects "")
  foreach(folder IN LISTS NARABI_LIBRARY_FOLDERS)
    list(APPEND objects $<TARGET_OBJECTS:narabi_${folder}>)
  endforeach()
  add_library(libnarabi SHARED ${objects})
  set_target_properties(libnarabi PROPERTIES
    OUTPUT_NAME narabi EXPORT_NAME narabi VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINKER_LANGUAGE CXX)
  target_include_directories(libnarabi INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(libnarabi INTERFACE cxx_std_20)
  target_link_libraries(libnarabi PRIVATE Threads::Threads ZLIB::ZLIB LibLZMA::LibLZMA SQLite::SQLite3 $<BUILD_INTERFACE:narabi::faiss>
    $<BUILD_INTERFACE:narabi::zstd> $<BUILD_INTERFACE:narabi::icu> $<BUILD_INTERFACE:narabi::mecab>
    $<BUILD_INTERFACE:narabi::sentencepiece> $<BUILD_INTERFACE:narabi::dnnl> OpenMP::OpenMP_CXX)

  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/narabi)
  install(TARGETS libnarabi EXPORT narabi-targets)
  install(TARGETS narabi)
  install(DIRECTORY include/narabi TYPE INCLUDE)
  install(EXPORT narabi-targets NAMESPACE narabi:: DESTINATION ${package_dir} FILE narabi-config.cmake)
  write_basic_package_version_file(narabi-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/narabi-config-version.cmake DESTINATION ${package_dir})
  # The dictionary that Japanese BERT models need, where an installed narabi looks for it.
  install(DIRECTORY .deps/dictionaries DESTINATION ${CMAKE_INSTALL_DATADIR}/narabi OPTIONAL)
  install(FILES LICENSE README.md TYPE DOC)
endif()
