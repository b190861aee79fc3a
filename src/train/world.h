// The processes of a data-parallel run, one a device, found by RANK, WORLD_SIZE, MASTER_ADDR and
// MASTER_PORT as torchrun sets them.
#pragma once

#include <memory>

#include "train/parameters.h"

namespace narabi::train {

// One process: everything stays as it is.
class World {
 public:
  virtual ~World() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  virtual double sum(double value) { return value; }
  virtual bool any(bool value) { return value; }
  virtual void sum_gradients(Parameters&) {}
  virtual void barrier() {}

  // Waits for the others where WORLD_SIZE is more than 1. Throws InvalidArgument for variables that
  // make no sense.
  static std::unique_ptr<World> from_environment();
};

}  // namespace narabi::train
