#include "checkpoint/derived_folder.h"

#include <filesystem>
#include <vector>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

namespace fs = std::filesystem;

bool is_weights(const std::string& name) {
  return name.starts_with("model.safetensors") || name.starts_with("model-");
}

constexpr const char* kDerivedWeights = "model.safetensors";

bool is_copied(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  const std::string extension = entry.path().extension().string();
  const bool wanted = extension == ".json" || extension == ".txt" || extension == ".model";
  return entry.is_regular_file() && wanted && !is_weights(name) && name != "narabi.json";
}

// Of base::AtomicFile, that a process left which was killed.
bool is_temporary(const std::string& name) {
  return name.find(".tmp.") != std::string::npos;
}

bool is_unfinished(const ModelFolder& source, const std::string& name) {
  const std::string whole = name.substr(0, name.find(".tmp."));
  if (whole == kDerivedWeights) return is_temporary(name);
  return whole == "narabi.json" || is_copied(fs::directory_entry(fs::path(source.path()) / whole));
}

// None where there is no folder, or no right to read it: writing will say so.
std::vector<fs::path> files_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) files.push_back(entry.path());
  return files;
}

}  // namespace

void check_derived_output(const ModelFolder& source, const std::string& output) {
  std::error_code none;
  if (fs::equivalent(source.path(), output, none))
    throw InvalidArgument(output + ": expected another folder than the model's own");
  if (fs::exists(output, none) && !fs::is_directory(output, none))
    throw InvalidArgument(output + ": expected a folder, found a file");
  for (const fs::path& file : files_in(output)) {
    if (!is_unfinished(source, file.filename().string()))
      throw InvalidArgument(output + ": expected a new or an empty folder, found " +
                            file.filename().string() + " in it");
  }
}

void write_derived_folder(const ModelFolder& source, const std::string& output,
                          std::span<const TensorToWrite> tensors, const ModelRecord* record) {
  check_derived_output(source, output);
  std::error_code error;
  fs::create_directories(output, error);
  if (error) throw IoError(output + ": " + error.message());
  for (const fs::path& file : files_in(output)) {
    if (is_temporary(file.filename().string())) fs::remove(file, error);
  }
  for (const auto& entry : fs::directory_iterator(source.path())) {
    if (!is_copied(entry)) continue;
    base::AtomicFile file((fs::path(output) / entry.path().filename()).string());
    file.write(base::read_file(entry.path().string()));
    file.commit();
  }
  if (record != nullptr) {
    record->write(output);
  } else if (fs::remove(fs::path(output) / "narabi.json", error); error) {
    throw IoError(output + "/narabi.json: " + error.message());
  }
  write_safetensors((fs::path(output) / kDerivedWeights).string(), tensors, {{"format", "pt"}});
}

}  // namespace narabi::checkpoint
