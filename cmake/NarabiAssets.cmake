# narabi_assets(TARGET HEADER NAMESPACE NAME FILE...): files as string_view constants of TARGET. The assembler
# reads the bytes (.incbin), so that a file's size costs no compile time.
function(narabi_assets target header namespace)
  set(source ${PROJECT_BINARY_DIR}/${target}_assets.cc)
  set(code "#include \"${header}\"\n#include <cstddef>\n")
  set(constants "")
  set(files "")
  while(ARGN)
    list(POP_FRONT ARGN name file)
    string(APPEND code "asm(\".section .rodata\\n${name}_bytes:\\n.incbin \\\"${file}\\\"\\n"
      "${name}_bytes_end:\\n.byte 0\\n.previous\\n\");\n"
      "extern \"C\" const char ${name}_bytes[] __attribute__((visibility(\"hidden\")));\n"
      "extern \"C\" const char ${name}_bytes_end[] __attribute__((visibility(\"hidden\")));\n")
    string(APPEND constants "const std::string_view ${name}(${name}_bytes, "
      "static_cast<std::size_t>(${name}_bytes_end - ${name}_bytes));\n")
    list(APPEND files ${file})
  endwhile()
  file(CONFIGURE OUTPUT ${source} CONTENT "${code}namespace ${namespace} {\n${constants}}\n" @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${source})
endfunction()
