// Named places for models. A request takes the model that stands in its slot when it comes and
// keeps it to its end, so a swap loses nothing and mixes nothing.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "service/model.h"

namespace narabi::service {

// Whether a slot may have this name. It stands in lists and cascades ("small>large"), in headers
// and in logs, so there is no '>' in it and no control character.
bool is_slot_name(std::string_view name);

class ModelSlots {
 public:
  explicit ModelSlots(const ModelOptions& options);

  // Loads the folder, warms it up, then puts it into the slot, new or not. One load at a time.
  // Throws Error; the slot then keeps what it had.
  ModelPtr load(const std::string& name, const std::string& folder);
  // Throws InvalidArgument for a name that is no slot, and for the last slot.
  void unload(const std::string& name);

  // Null where there is none of that kind; an empty name gives the first.
  ModelPtr find(const std::string& name, ModelKind kind) const;
  ModelPtr exactly(const std::string& name) const;
  std::vector<ModelPtr> all() const;  // in the order of their first load

 private:
  ModelPtr first_of(ModelKind kind) const;

  const ModelOptions options_;
  std::mutex loading_;
  mutable std::mutex mutex_;
  std::vector<ModelPtr> models_;
  std::uint64_t loads_ = 0;
};

}  // namespace narabi::service
