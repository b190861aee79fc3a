// A body of the search routes: it is read, or refused with a 4xx whose message is UTF-8 and JSON.
#include "http/search_request.h"

#include "fuzz_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narabi::http;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  fuzz::read([&] { parse_search(body); });
  return 0;
}
