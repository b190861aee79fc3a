#include "checkpoint/derived_folder.h"

#include <filesystem>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

namespace fs = std::filesystem;

bool is_weights(const std::string& name) {
  return name.starts_with("model.safetensors") || name.starts_with("model-");
}

bool is_copied(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  const std::string extension = entry.path().extension().string();
  const bool wanted = extension == ".json" || extension == ".txt" || extension == ".model";
  return entry.is_regular_file() && wanted && !is_weights(name) && name != "narabi.json";
}

}  // namespace

void write_derived_folder(const ModelFolder& source, const std::string& output,
                          std::span<const TensorToWrite> tensors) {
  std::error_code error;
  if (fs::exists(output, error) && !fs::is_empty(output, error) && !error)
    throw InvalidArgument(output + ": expected a new or an empty folder, found files in it");
  fs::create_directories(output, error);
  if (error) throw IoError(output + ": " + error.message());
  for (const auto& entry : fs::directory_iterator(source.path())) {
    if (!is_copied(entry)) continue;
    base::AtomicFile file((fs::path(output) / entry.path().filename()).string());
    file.write(base::read_file(entry.path().string()));
    file.commit();
  }
  write_safetensors((fs::path(output) / "model.safetensors").string(), tensors, {{"format", "pt"}});
}

}  // namespace narabi::checkpoint
