#include "train/match_heads.h"

#include "models/modernbert/config.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

// After a norm |x|^2 = H, of which R rows of a basis keep R: equal tokens get the logit
// scale^2 R / sqrt(D), unequal ones about sqrt(R) / R of it.
constexpr double kScale = 1.5;

}  // namespace

void add_match_heads(Parameters& parameters, const checkpoint::ConfigFile& config,
                     std::uint64_t seed) {
  if (config.text("model_type") != "modernbert")
    throw Unsupported(config.path() + ": model.init match: expected model_type modernbert, found " +
                      config.text("model_type"));
  const torch::NoGradGuard no_grad;
  const auto shape = models::modernbert::read_config(config);
  const std::int64_t hidden = shape.hidden, size = hidden / shape.heads, half = size / 2,
                     slow = half / 2;  // pairs i and i + D / 2 turn by theta^(-2i / D) a token
  auto generator = at::detail::createCPUGenerator(seed);
  for (int layer = 1; layer + 1 < shape.layers; ++layer) {
    torch::Tensor weight =
        parameters.at("model.layers." + std::to_string(layer) + ".attn.Wqkv.weight").detach();
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const torch::Tensor random = torch::randn({hidden, 2 * slow}, generator);
      const torch::Tensor rows = std::get<0>(torch::linalg_qr(random)).t() * kScale;  // [2 slow, H]
      for (const std::int64_t which : {std::int64_t{0}, hidden}) {                    // Q, then K
        torch::Tensor part = weight.narrow(0, which + head * size, size);
        part.zero_();
        part.narrow(0, half - slow, slow).copy_(rows.narrow(0, 0, slow));
        part.narrow(0, size - slow, slow).copy_(rows.narrow(0, slow, slow));
      }
    }
  }
}

}  // namespace narabi::train
