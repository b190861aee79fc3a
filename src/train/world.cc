#include "train/world.h"

namespace narabi::train {

std::unique_ptr<World> World::from_environment() {
  return std::make_unique<World>();
}

}  // namespace narabi::train
