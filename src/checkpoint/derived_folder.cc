#include "checkpoint/derived_folder.h"

#include <algorithm>
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

// A module's weights (2_Dense) are its own, and stay as they are.
bool is_copied(const fs::directory_entry& entry, bool module) {
  return is_copied(entry) || (module && entry.path().filename() == kDerivedWeights);
}

// Relative to the folder.
std::vector<fs::path> files_to_copy(const ModelFolder& source) {
  std::vector<fs::path> files;
  std::vector<std::string> folders = module_folders(source);
  folders.push_back("");
  for (const fs::path folder : folders) {
    for (const auto& entry : fs::directory_iterator(source.path() / folder)) {
      if (is_copied(entry, !folder.empty())) files.push_back(folder / entry.path().filename());
    }
  }
  return files;
}

// Of base::AtomicFile, that a process left which was killed.
bool is_temporary(const std::string& name) {
  return name.find(".tmp.") != std::string::npos;
}

bool is_unfinished(const std::vector<fs::path>& copied, const std::string& name) {
  const std::string whole = name.substr(0, name.find(".tmp."));
  if (whole == kDerivedWeights) return is_temporary(name);
  return whole == "narabi.json" ||
         std::any_of(copied.begin(), copied.end(),
                     [&](const fs::path& file) { return *file.begin() == whole; });
}

// None where there is no folder, or no right to read it: writing will say so.
std::vector<fs::path> files_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) files.push_back(entry.path());
  return files;
}

}  // namespace

void require_unpacked(const std::string& folder) {
  if (is_stamped(folder))
    throw Unsupported(folder + ": packed by narabi quantize; expected the folder it was made of");
}

std::vector<std::string> module_folders(const ModelFolder& source) {
  std::vector<std::string> folders;
  if (!source.has_file("modules.json")) return folders;
  for (const ConfigFile& module : ConfigFile(source.file("modules.json")).elements()) {
    const std::string text = module.text("path", "");
    const fs::path path = fs::path(text).lexically_normal();
    if (path.is_absolute() || (!path.empty() && *path.begin() == ".."))
      throw InvalidFormat(module.path() +
                          ": path: expected a folder inside of the model's, found " + text);
    // A module without settings (Normalize) may have no folder.
    if (!path.empty() && path != "." && fs::is_directory(source.path() / path))
      folders.push_back(path.string());
  }
  return folders;
}

void check_derived_output(const ModelFolder& source, const std::string& output) {
  std::error_code none;
  if (fs::equivalent(source.path(), output, none))
    throw InvalidArgument(output + ": expected another folder than the model's own");
  if (fs::exists(output, none) && !fs::is_directory(output, none))
    throw InvalidArgument(output + ": expected a folder, found a file");
  const std::vector<fs::path> copied = files_to_copy(source);
  for (const fs::path& file : files_in(output)) {
    if (!is_unfinished(copied, file.filename().string()))
      throw InvalidArgument(output + ": expected a new or an empty folder, found " +
                            file.filename().string() + " in it");
  }
}

void write_derived_folder(const ModelFolder& source, const std::string& output,
                          std::span<const TensorToWrite> tensors, const ModelRecord* record,
                          std::string_view config) {
  check_derived_output(source, output);
  std::error_code error;
  fs::create_directories(output, error);
  if (error) throw IoError(output + ": " + error.message());
  for (const fs::path& file : files_in(output)) {
    if (is_temporary(file.filename().string())) fs::remove(file, error);
  }
  for (const fs::path& name : files_to_copy(source)) {
    const fs::path target = fs::path(output) / name;
    fs::create_directories(target.parent_path(), error);
    base::AtomicFile file(target.string());
    const bool replaced = !config.empty() && name == "config.json";
    file.write(replaced ? std::string(config) : base::read_file(source.path() / name));
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
