#include "models/sequence_check.h"

#include "narabi/error.h"

namespace narabi::models {
namespace {

void check_range(std::span<const std::int32_t> values, int limit, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= limit) {
      throw InvalidArgument(std::string(what) + " at position " + std::to_string(i) +
                            ": expected 0 to " + std::to_string(limit - 1) + ", found " +
                            std::to_string(values[i]));
    }
  }
}

}  // namespace

void check_sequence(const Sequence& input, const EncoderShape& shape) {
  const std::size_t tokens = input.input_ids.size();
  if (tokens == 0 || tokens > static_cast<std::size_t>(shape.max_tokens)) {
    throw InvalidArgument("a sequence of " + std::to_string(tokens) + " tokens: expected 1 to " +
                          std::to_string(shape.max_tokens));
  }
  check_range(input.input_ids, shape.vocabulary, "input_ids");
  if (input.token_type_ids.empty()) return;
  if (input.token_type_ids.size() != tokens) {
    throw InvalidArgument("token_type_ids: expected " + std::to_string(tokens) + " values, found " +
                          std::to_string(input.token_type_ids.size()));
  }
  check_range(input.token_type_ids, shape.token_types, "token_type_ids");
}

}  // namespace narabi::models
