// The options of every command that loads a model or reads text.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/line_reader.h"
#include "narabi/options.h"

namespace narabi::cli {

struct ModelFlags {
  std::string precision = "auto";
  std::string truncation = "only_second";
  std::string device = "cpu";
  int max_length = 0;
  int threads = 0;

  void add_to(CLI::App& command);
  ModelOptions options() const;  // throws Unsupported for a precision or device that is not built
};

// What an embedder's folder does not say.
struct PromptFlags {
  std::string query, document;

  void add_to(CLI::App& command, CLI::Option* embedder);
  Prompts prompts() const;
};

struct TextFlags {
  bool lossy = false;
  bool progress = false;

  void add_to(CLI::App& command);
  base::InvalidUtf8 invalid() const {
    return lossy ? base::InvalidUtf8::kReplace : base::InvalidUtf8::kReject;
  }
  // Text from the command line, whose encoding is the shell's. Throws InvalidArgument naming the
  // flag.
  std::string checked(const std::string& flag, const std::string& value) const;
};

}  // namespace narabi::cli
