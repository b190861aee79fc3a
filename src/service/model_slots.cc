#include "service/model_slots.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "narabi/error.h"

namespace narabi::service {
namespace {

// On a thread of its own, so that the workers of the new model inherit its niceness: scoring uses
// all cores, and answering (a little work) has to come in between.
ModelPtr load_nicely(const std::string& name, const std::string& folder,
                     const ModelOptions& options, std::uint64_t number) {
  ModelPtr model;
  std::exception_ptr error;
  std::thread loader([&] {
    setpriority(PRIO_PROCESS, 0, 5);
    try {
      model = std::make_shared<const Model>(name, folder, options, number);
    } catch (...) {
      error = std::current_exception();
    }
  });
  loader.join();
  if (error) std::rethrow_exception(error);
  return model;
}

auto named(const std::string& name) {
  return [&name](const ModelPtr& model) { return model->name() == name; };
}

}  // namespace

bool is_slot_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return c == '>' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

ModelSlots::ModelSlots(const ModelOptions& options) : options_(options) {}

ModelPtr ModelSlots::load(const std::string& name, const std::string& folder) {
  const std::lock_guard one_at_a_time(loading_);
  ModelPtr model = load_nicely(name, folder, options_, ++loads_);
  ModelPtr before;  // outlives the lock: destroying a model takes a while
  const std::lock_guard lock(mutex_);
  const auto slot = std::find_if(models_.begin(), models_.end(), named(name));
  if (slot == models_.end()) {
    models_.push_back(model);
  } else {
    before = std::exchange(*slot, model);
  }
  return model;
}

void ModelSlots::unload(const std::string& name) {
  ModelPtr before;
  const std::lock_guard lock(mutex_);
  const auto slot = std::find_if(models_.begin(), models_.end(), named(name));
  if (slot == models_.end())
    throw InvalidArgument("model: expected the name of a slot, found " + name);
  if (models_.size() == 1)
    throw InvalidArgument("model: " + name + " is the last one; load another before unloading it");
  before = *slot;
  models_.erase(slot);
}

ModelPtr ModelSlots::first_of(ModelKind kind) const {
  const auto slot = std::find_if(models_.begin(), models_.end(),
                                 [&](const ModelPtr& model) { return model->kind() == kind; });
  return slot == models_.end() ? nullptr : *slot;
}

ModelPtr ModelSlots::find(const std::string& name, ModelKind kind) const {
  const std::lock_guard lock(mutex_);
  if (name.empty()) return first_of(kind);
  const auto slot = std::find_if(models_.begin(), models_.end(), named(name));
  return slot != models_.end() && (*slot)->kind() == kind ? *slot : nullptr;
}

ModelPtr ModelSlots::exactly(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto slot = std::find_if(models_.begin(), models_.end(), named(name));
  return slot == models_.end() ? nullptr : *slot;
}

std::vector<ModelPtr> ModelSlots::all() const {
  const std::lock_guard lock(mutex_);
  return models_;
}

}  // namespace narabi::service
