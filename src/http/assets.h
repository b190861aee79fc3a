// Files built into the binary by cmake/NarabiAssets.cmake.
#pragma once

#include <string_view>

namespace narabi::http {

extern const std::string_view kPage;     // web/dist/index.html
extern const std::string_view kOpenApi;  // src/http/openapi.json

}  // namespace narabi::http
