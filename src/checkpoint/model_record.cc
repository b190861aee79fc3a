#include "checkpoint/model_record.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/line_reader.h"
#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using nlohmann::json;
using namespace nlohmann::literals;

constexpr const char* kPackedWeights = "model.safetensors";

void erase_gate(json& precision) {
  for (const char* key : {"held", "kendall_tau", "ndcg_change", "pairs"}) precision.erase(key);
}

std::string path_of(const std::string& folder) {
  return (std::filesystem::path(folder) / "narabi.json").string();
}

}  // namespace

struct ModelRecord::Impl {
  json root = json::object();

  // The object at `key`, made where there is none.
  static json& section(json& parent, const std::string& key, const std::string& path) {
    json& value = parent[key];
    if (value.is_null()) value = json::object();
    if (!value.is_object())
      throw InvalidFormat(path + ": " + key + ": expected an object, found " + value.type_name());
    return value;
  }
  std::string path;
};

ModelRecord::ModelRecord(const std::string& folder) : impl_(std::make_unique<Impl>()) {
  impl_->path = path_of(folder);
  if (!base::exists(impl_->path)) return;
  const ConfigFile checked(impl_->path);  // its errors name the file
  impl_->root = json::parse(base::read_file(impl_->path));
  if (!impl_->root.is_object())
    throw InvalidFormat(impl_->path + ": expected an object, found " + impl_->root.type_name());
}
ModelRecord::~ModelRecord() = default;
ModelRecord::ModelRecord(ModelRecord&&) noexcept = default;
ModelRecord& ModelRecord::operator=(ModelRecord&&) noexcept = default;

void ModelRecord::set_gate(const std::string& precision, const GateRecord& gate) {
  json& all = Impl::section(impl_->root, "precision", impl_->path);
  Impl::section(all, precision, impl_->path)
      .update({{"held", gate.held},
               {"kendall_tau", gate.kendall_tau},
               {"ndcg_change", gate.ndcg_change},
               {"pairs", gate.pairs}});
}

void ModelRecord::set_layers(const std::string& precision, const std::string& wider,
                             const std::vector<std::string>& layers) {
  json& all = Impl::section(impl_->root, "precision", impl_->path);
  json& section = Impl::section(all, precision, impl_->path);
  erase_gate(section);
  if (layers.empty()) {
    section.erase(wider);
  } else {
    section[wider] = layers;
  }
}

void ModelRecord::set_calibration(double scale, double offset) {
  impl_->root["calibration"] = {{"scale", scale}, {"offset", offset}};
}

void ModelRecord::scale_logits(double scale) {
  if (impl_->root.contains("blend")) {
    for (auto& [name, weight] : Impl::section(impl_->root, "blend", impl_->path).items()) {
      if (!weight.is_number())
        throw InvalidFormat(impl_->path + ": blend." + name + ": expected a number, found " +
                            weight.type_name());
      weight = weight.get<double>() * scale;
    }
  }
  const auto bf16 = "/precision/bf16"_json_pointer;
  if (scale > 1 && impl_->root.contains(bf16) && impl_->root[bf16].is_object())
    erase_gate(impl_->root[bf16]);
}

void ModelRecord::forget_gates() {
  impl_->root.erase("precision");
}

void ModelRecord::set_stamp(const std::string& weights, const std::string& source) {
  impl_->root["packed"] = {{"version", kPackedVersion},
                           {"precision", "int8"},
                           {"layout", kPackedLayout},
                           {"weights", base::checksum_text(base::file_checksum(weights))},
                           {"source", base::checksum_text(base::file_checksum(source))}};
}

void ModelRecord::write(const std::string& folder) const {
  base::AtomicFile file(path_of(folder));
  file.write(impl_->root.dump(2) + "\n");
  file.commit();
}

bool is_stamped(const std::string& folder) {
  return ConfigFile::empty(path_of(folder)).has("packed");
}

void check_stamp(const ModelFolder& folder) {
  const std::string path = path_of(folder.path());
  const ConfigFile record = ConfigFile::empty(path);
  if (!record.has("packed")) {
    throw InvalidFormat(path + ": packed: expected the stamp of the packed weights in " +
                        kPackedWeights +
                        ", found none; `narabi quantize` writes both, the stamp last");
  }
  const std::int64_t version = record.integer("packed.version");
  if (version != kPackedVersion)
    record.unsupported("packed.version", std::to_string(kPackedVersion) +
                                             "; write the folder again with `narabi quantize`");
  record.one_of("packed.precision", {"int8"});
  record.one_of("packed.layout", {kPackedLayout});
  const std::string expected = record.text("packed.weights");
  const std::string found = base::checksum_text(base::file_checksum(folder.file(kPackedWeights)));
  if (found == expected) return;
  throw InvalidFormat(folder.file(kPackedWeights) + ": checksum: expected " + expected + " (" +
                      path + ": packed.weights), found " + found +
                      ": the file is damaged or another's");
}

}  // namespace narabi::checkpoint
