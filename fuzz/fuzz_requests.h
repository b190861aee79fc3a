// What the fuzz targets of the request parsers share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "http/http_error.h"

namespace narabi::http::fuzz {

// Anything but a value or a refusal is a finding.
template <typename Parse>
void read(Parse parse) {
  try {
    parse();
  } catch (const HttpError& error) {
    if (error.status() < 400 || error.status() > 499) std::abort();
    if (base::invalid_utf8_at(error.what()) || base::invalid_utf8_at(error.field())) std::abort();
  }
}

}  // namespace narabi::http::fuzz
