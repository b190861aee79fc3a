// A body of the rerank routes: it is read, or refused with a 4xx whose message is UTF-8 and JSON.
#include "http/rerank_request.h"

#include "fuzz_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narabi::http;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const RerankShape shape :
       {RerankShape::kJina, RerankShape::kCohereV2, RerankShape::kVoyage, RerankShape::kWeaviate})
    fuzz::read([&] { parse_rerank(body, shape, 100); });
  return 0;
}
