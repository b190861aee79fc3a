#include "models/encoder.h"

namespace narabi::models {

float* Workspace::floats(Slot slot, std::size_t count) {
  std::vector<float>& buffer = buffers_[slot];
  if (buffer.size() < count) buffer.assign(count, 0.0f);
  return buffer.data();
}

}  // namespace narabi::models
