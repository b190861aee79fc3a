#include "engine/precision.h"

#include <filesystem>

#include "checkpoint/config_file.h"
#include "narabi/error.h"

namespace narabi::engine {

Precision choose_precision(const std::string& folder, Precision wanted) {
  const auto record =
      checkpoint::ConfigFile::empty((std::filesystem::path(folder) / "narabi.json").string());
  const bool packed = record.flag("precision.int8.packed", false);
  if (packed && (wanted == Precision::kF32 || wanted == Precision::kBf16)) {
    throw Unsupported(
        record.path() +
        ": the folder holds int8 weights (precision.int8.packed); expected --precision "
        "int8 or auto, or the folder it was made from");
  }
  if (wanted != Precision::kAuto) return wanted;
  if (packed || record.flag("precision.int8.held", false)) return Precision::kInt8;
  return Precision::kF32;
}

}  // namespace narabi::engine
