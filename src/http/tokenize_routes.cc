// The ids of texts, in the shape of whom the request looks like.
#include "http/app.h"
#include "http/json_writer.h"
#include "http/tokenize_request.h"

namespace narabi::http {
namespace {

void write_ids(JsonWriter& json, const std::vector<std::int32_t>& ids) {
  json.begin_array();
  for (const std::int32_t id : ids) json.integer(id);
  json.end_array();
}

Encoding encode(const service::Model& model, const std::string& text, bool special) {
  constexpr int kUnlimited = 1 << 30;
  return special ? model.tokenizer().encode(text, kUnlimited)
                 : model.tokenizer().encode_plain(text);
}

std::string pair_body(const service::Model& model, const TokenizeRequest& request) {
  const Encoding encoding =
      model.tokenizer().encode_pair(request.texts[0], request.texts[1], model.max_length());
  JsonWriter json;
  json.begin_object();
  write_ids(json.key("input_ids"), encoding.input_ids);
  if (!encoding.token_type_ids.empty())
    write_ids(json.key("token_type_ids"), encoding.token_type_ids);
  json.key("truncated").flag(encoding.truncated);
  json.key("query_truncated").flag(encoding.query_truncated).end_object();
  return json.take();
}

// narabi's tokenizers give ids, not the pieces' texts and offsets: those fields are null.
std::string tei_body(const service::Model& model, const TokenizeRequest& request) {
  JsonWriter json;
  json.begin_array();
  for (const std::string& text : request.texts) {
    json.begin_array();
    for (const std::int32_t id : encode(model, text, request.special).input_ids) {
      json.begin_object().key("id").integer(id).key("text").null().key("special").null();
      json.key("start").null().key("stop").null().end_object();
    }
    json.end_array();
  }
  json.end_array();
  return json.take();
}

std::string body_of(const service::Model& model, const TokenizeRequest& request) {
  if (request.shape == TokenizeShape::kPair) return pair_body(model, request);
  if (request.shape == TokenizeShape::kTei) return tei_body(model, request);
  const Encoding encoding = encode(model, request.texts[0], request.special);
  JsonWriter json;
  json.begin_object();
  if (request.shape == TokenizeShape::kVllm) {
    json.key("count").integer(static_cast<std::int64_t>(encoding.input_ids.size()));
    json.key("max_model_len").integer(model.max_length());
  }
  write_ids(json.key("tokens"), encoding.input_ids);
  json.end_object();
  return json.take();
}

service::ModelPtr model_of(const App& app, const TokenizeRequest& request) {
  if (auto exact = app.service.models().exactly(request.model)) return exact;
  try {
    return resolve(app, request.model, service::ModelKind::kReranker)[0];
  } catch (const HttpError&) {  // a server of embedders alone
    return resolve(app, request.model, service::ModelKind::kEmbedder)[0];
  }
}

void handle_tokenize(App& app, const ExchangePtr& exchange, const Reply& reply) {
  auto request = std::make_shared<TokenizeRequest>(
      parse_tokenize(exchange->request.body, app.options.max_batch));
  const service::ModelPtr model = model_of(app, *request);
  note_model({model}, *exchange);
  exchange->items = request->texts.size();
  app.service.run_aside([=] {
    try {
      reply({.body = body_of(*model, *request), .headers = {}});
    } catch (const std::exception& error) {
      reply(failure_response({service::FailureKind::kModelFailure, error.what(), {}, 1},
                             ErrorShape::kText));
    }
  });
}

}  // namespace

std::vector<Route> tokenize_routes() {
  return {{"POST", "/tokenize", handle_tokenize}};
}

}  // namespace narabi::http
