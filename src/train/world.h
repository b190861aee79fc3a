// The processes of a data-parallel run, found by RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT as
// torchrun sets them.
#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

namespace narabi::train {

// One process: everything stays as it is.
class World {
 public:
  virtual ~World() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  // Each is called by all processes together and gives all of them the same.
  virtual double sum(double value) { return value; }
  virtual double largest(double value) { return value; }
  // Adds up each tensor (f64) over the processes, in place.
  virtual void sum(std::vector<torch::Tensor>&) {}
  virtual void barrier() {}

  // Waits for the others where WORLD_SIZE is more than 1: gloo, through the CPU also where models
  // are on GPUs. Throws InvalidArgument for variables that make no sense, IoError when the others
  // do not come.
  static std::unique_ptr<World> from_environment();
};

}  // namespace narabi::train
