#include "engine/pack_folder.h"

#include <filesystem>

#include "base/checksum.h"
#include "base/paths.h"
#include "checkpoint/derived_folder.h"
#include "checkpoint/model_record.h"
#include "models/packed_tensors.h"
#include "models/registry.h"
#include "narabi/error.h"
#include "tokenize/compiled.h"

namespace narabi::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kSmall = 64 << 20;  // a tokenizer.json of 250,000 pieces has 18 MB

// model.safetensors, or the index of its shards.
std::string weights_of(const fs::path& folder) {
  const fs::path whole = folder / "model.safetensors";
  return (base::exists(whole) ? whole : folder / "model.safetensors.index.json").string();
}

std::uint64_t weight_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
  }
  return bytes;
}

// Settings, tokenizer files, the model card; no weights of any kind.
bool belongs(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (!entry.is_regular_file() || entry.file_size() > kSmall) return false;
  if (name == "narabi.json" || name == tokenize::kCompiledFile) return false;
  for (const char* ending : {".safetensors", ".safetensors.index.json", ".bin", ".onnx", ".pt"}) {
    if (name.ends_with(ending)) return false;
  }
  for (const char* ending : {".json", ".txt", ".model", ".md"}) {
    if (name.ends_with(ending)) return true;
  }
  return name == "LICENSE";
}

void copy_small_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (!belongs(entry)) continue;
    fs::create_directories(to);
    fs::copy_file(entry.path(), to / entry.path().filename(), fs::copy_options::overwrite_existing);
  }
}

// The modules of sentence-transformers: 1_Pooling/config.json, and the weights of a 2_Dense.
void copy_modules(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    const bool module = name.size() > 2 && name[0] >= '0' && name[0] <= '9' && name[1] == '_';
    if (!module || !entry.is_directory()) continue;
    copy_small_files(entry.path(), to / name);
    const fs::path weights = entry.path() / "model.safetensors";
    if (base::exists(weights))
      fs::copy_file(weights, to / name / weights.filename(), fs::copy_options::overwrite_existing);
  }
}

// That write() has made of the weights in `folder`, or was making when it was ended: such packed
// weights have no stamp yet, and nothing loads them.
bool is_packed_form_of(const std::string& folder, const fs::path& output) {
  const fs::path weights = output / "model.safetensors", record = output / "narabi.json";
  if (!base::exists(weights)) return false;
  if (!checkpoint::is_stamped(output.string())) {
    const checkpoint::Safetensors file(weights.string());
    const auto first = file.tensors().lower_bound(models::kPackedPrefix);
    return !base::exists(record) && first != file.tensors().end() &&
           first->first.starts_with(models::kPackedPrefix);
  }
  const std::string found = checkpoint::ConfigFile(record.string()).text("packed.source");
  if (found == base::checksum_text(base::file_checksum(weights_of(folder)))) return true;
  throw InvalidArgument(
      output.string() +
      ": expected a new or an empty folder, or the packed form of the weights in " + folder +
      ", found that of others (narabi.json: packed.source)");
}

PackedFolder write(const std::string& folder, const fs::path& output,
                   const LayerPrecisions& layers) {
  const std::string weights = (output / "model.safetensors").string();
  checkpoint::ModelRecord record(folder);  // its "blend" goes along
  record.forget_gates();
  fs::create_directories(output);
  fs::remove(output / "narabi.json");
  fs::remove(output / tokenize::kCompiledFile);
  models::pack_model(folder, weights, operands_of(layers));
  copy_small_files(folder, output);
  copy_modules(folder, output);
  const bool compiled = tokenize::compile_tokenizer(folder, output.string());
  record.set_stamp(weights, weights_of(folder));
  record.write(output.string());
  return {weight_bytes(folder), weight_bytes(output), compiled};
}

}  // namespace

void check_packed_output(const std::string& folder, const std::string& output) {
  std::error_code none;
  if (!fs::equivalent(folder, output, none) && is_packed_form_of(folder, output)) return;
  checkpoint::check_derived_output(checkpoint::ModelFolder(folder), output);
}

PackedFolder pack_folder(const std::string& folder, const std::string& output,
                         const LayerPrecisions& layers) {
  check_packed_output(folder, output);
  try {
    return write(folder, output, layers);
  } catch (const fs::filesystem_error& error) {
    throw IoError(output + ": cannot write the packed folder: " + error.what());
  }
}

}  // namespace narabi::engine
