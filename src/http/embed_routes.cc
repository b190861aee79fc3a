// Vectors: TEI's /embed and OpenAI's /v1/embeddings.
#include <cmath>
#include <cstring>

#include "http/app.h"
#include "http/embed_request.h"
#include "http/json_writer.h"

namespace narabi::http {
namespace {

using service::EmbedResult;
using service::Failure;
using Outcome = std::variant<EmbedResult, Failure>;

std::string base64(const float* values, std::size_t count) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(count * sizeof(float), '\0');
  std::memcpy(bytes.data(), values, bytes.size());  // little-endian, as the format wants
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) -> unsigned {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
    };
    const unsigned bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int digit = 0; digit < 4; ++digit)
      out += i + static_cast<std::size_t>(digit) <= bytes.size()
                 ? kDigits[bits >> (18 - 6 * digit) & 63]
                 : '=';
  }
  return out;
}

void normalise(float* vector, std::size_t width) {
  double squares = 0;
  for (std::size_t i = 0; i < width; ++i) squares += static_cast<double>(vector[i]) * vector[i];
  const double norm = std::max(std::sqrt(squares), 1e-12);
  for (std::size_t i = 0; i < width; ++i) vector[i] = static_cast<float>(vector[i] / norm);
}

// The first `dimensions` of each (Matryoshka), normalised: gives the width of a row.
std::size_t shape(EmbedResult& result, std::size_t dimensions, bool normalised) {
  const std::size_t width = dimensions == 0 ? result.dimension : dimensions;
  const std::size_t rows = result.vectors.size() / result.dimension;
  for (std::size_t row = 0; row < rows; ++row) {
    float* out = result.vectors.data() + row * width;
    std::memmove(out, result.vectors.data() + row * result.dimension, width * sizeof(float));
    if (normalised) normalise(out, width);
  }
  result.vectors.resize(rows * width);
  return width;
}

void write_vector(JsonWriter& json, const float* values, std::size_t width) {
  json.begin_array();
  for (std::size_t i = 0; i < width; ++i) json.number(values[i]);
  json.end_array();
}

std::string tei_body(const EmbedResult& result, std::size_t width) {
  JsonWriter json;
  json.begin_array();
  for (std::size_t at = 0; at < result.vectors.size(); at += width)
    write_vector(json, result.vectors.data() + at, width);
  json.end_array();
  return json.take();
}

std::string openai_body(const EmbedResult& result, std::size_t width, bool as_base64,
                        const std::string& model) {
  JsonWriter json;
  json.begin_object().key("object").text("list").key("data").begin_array();
  for (std::size_t at = 0; at < result.vectors.size(); at += width) {
    json.begin_object().key("object").text("embedding");
    json.key("index").integer(static_cast<std::int64_t>(at / width)).key("embedding");
    if (as_base64) {
      json.text(base64(result.vectors.data() + at, width));
    } else {
      write_vector(json, result.vectors.data() + at, width);
    }
    json.end_object();
  }
  const auto tokens = static_cast<std::int64_t>(result.tokens);
  json.end_array().key("model").text(model).key("usage").begin_object();
  json.key("prompt_tokens").integer(tokens).key("total_tokens").integer(tokens).end_object();
  json.end_object();
  return json.take();
}

service::EmbedQuery to_query(const App& app, EmbedRequest& request) {
  const auto models = resolve(app, request.model, service::ModelKind::kEmbedder);
  const Embedder& embedder = models[0]->embedder();
  if (!request.prompt.empty() && !embedder.names_prompt(request.prompt))
    throw HttpError(422, "validation",
                    "prompt_name: the model's folder names no prompt \"" + request.prompt + "\"",
                    "prompt_name");
  if (request.dimensions > static_cast<std::size_t>(embedder.dimension()))
    throw HttpError(
        422, "validation",
        "dimensions: expected at most " + std::to_string(embedder.dimension()) + ", the model's",
        "dimensions");
  return {.model = models[0], .prompt = request.prompt, .texts = std::move(request.texts)};
}

template <bool openai>
void handle_embed(App& app, const ExchangePtr& exchange, const Reply& reply) {
  EmbedRequest request =
      openai ? parse_openai_embeddings(exchange->request.body, app.options.max_batch)
             : parse_embed(exchange->request.body, app.options.max_batch);
  apply_timeout(request.timeout, *exchange);
  service::EmbedQuery query = to_query(app, request);
  note_model({query.model}, *exchange);
  exchange->items = query.texts.size();
  const std::string model = model_names(app, {query.model});
  const service::ModelPtr used = query.model;
  app.service.embed(std::move(query), exchange->ticket, [=](Outcome outcome) {
    const ErrorShape errors = openai ? ErrorShape::kOpenAi : ErrorShape::kText;
    if (const auto* failure = std::get_if<Failure>(&outcome))
      return reply(failure_response(*failure, errors));
    auto& result = std::get<EmbedResult>(outcome);
    exchange->tokens = result.tokens;
    exchange->queue_seconds = result.queue_seconds;
    exchange->inference_seconds = result.inference_seconds;
    for (std::size_t i = 0; i < result.cut.size(); ++i)
      if (result.cut[i]) note_cut(i, *exchange);
    if (!request.truncate && exchange->truncated > 0)
      return reply(error_response(too_long(openai ? "input" : "inputs", *used, *exchange), errors));
    const std::size_t width = shape(result, request.dimensions, request.normalise);
    reply({.body =
               openai ? openai_body(result, width, request.base64, model) : tei_body(result, width),
           .headers = {}});
  });
}

}  // namespace

std::vector<Route> embed_routes() {
  return {
      {"POST", "/embed", handle_embed<false>},
      {"POST", "/embeddings", handle_embed<true>, Guard::kKey, ErrorShape::kOpenAi},
      {"POST", "/v1/embeddings", handle_embed<true>, Guard::kKey, ErrorShape::kOpenAi},
  };
}

}  // namespace narabi::http
