#include "engine/precision.h"

#include <filesystem>

#include "checkpoint/config_file.h"
#include "narabi/error.h"

namespace narabi::engine {

Precision choose_precision(const std::string& folder, Precision wanted) {
  const auto record =
      checkpoint::ConfigFile::empty((std::filesystem::path(folder) / "narabi.json").string());
  const bool packed = record.has("packed");
  if (packed && (wanted == Precision::kF32 || wanted == Precision::kBf16)) {
    throw Unsupported(
        record.path() +
        ": packed: the folder holds int8 weights; expected --precision int8 or auto, or the folder "
        "it was made from");
  }
  if (wanted != Precision::kAuto) return wanted;
  if (record.flag("precision.int8.held", packed)) return Precision::kInt8;
  if (packed) {
    throw Unsupported(record.path() +
                      ": precision.int8.held is false: the packed weights do not keep the order of "
                      "f32; --precision int8 takes them all the same");
  }
  return Precision::kF32;
}

}  // namespace narabi::engine
