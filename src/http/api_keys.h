// Who may call. Comparison takes the same time whatever is wrong with a key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace narabi::http {

bool same_secret(std::string_view a, std::string_view b);
// The key of "Authorization: Bearer KEY", or of x-api-key; empty without.
std::string_view key_of(const Request& request);
bool is_known(std::string_view key, const std::vector<std::string>& keys);

}  // namespace narabi::http
