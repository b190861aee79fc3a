#include "http/api_keys.h"

namespace narabi::http {

bool same_secret(std::string_view a, std::string_view b) {
  // Every byte of `a` is looked at, whatever the length of `b` (the server's): only the length of
  // what the caller sent shows in the time.
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto other = static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
    difference |= static_cast<unsigned char>(a[i]) ^ other;
  }
  return difference == 0;
}

std::string_view key_of(const Request& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view value = request.header("authorization");
  if (value.size() > kBearer.size() && same_name(value.substr(0, kBearer.size()), kBearer))
    return value.substr(kBearer.size());
  return request.header("x-api-key");
}

bool is_known(std::string_view key, const std::vector<std::string>& keys) {
  bool known = false;
  for (const std::string& candidate : keys) known |= same_secret(key, candidate);
  return known && !key.empty();
}

}  // namespace narabi::http
