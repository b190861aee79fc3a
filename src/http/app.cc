#include "http/app.h"

#include <cstdio>
#include <random>

namespace narabi::http {

std::vector<service::ModelPtr> resolve(const App& app, const std::string& name,
                                       service::ModelKind kind) {
  const bool served = !app.options.served_name.empty() && name == app.options.served_name;
  auto found = app.service.resolve(served ? std::string() : name, kind);
  if (const auto* failure = std::get_if<service::Failure>(&found))
    throw HttpError(404, "model_not_found", failure->message, "model");
  return std::get<std::vector<service::ModelPtr>>(std::move(found));
}

std::string model_names(const App& app, const std::vector<service::ModelPtr>& stages) {
  std::string names;
  for (const service::ModelPtr& model : stages) names += (names.empty() ? "" : ">") + model->name();
  const bool first = stages.size() == 1 && !app.options.served_name.empty() &&
                     app.service.models().find("", stages[0]->kind()) == stages[0];
  return first ? app.options.served_name : names;
}

void note_model(const std::vector<service::ModelPtr>& stages, Exchange& exchange) {
  exchange.model.clear();
  for (const service::ModelPtr& model : stages)
    exchange.model += (exchange.model.empty() ? "" : ">") + model->name() + "@" + model->version();
}

void note_result(const service::RerankResult& result, Exchange& exchange) {
  note_model(result.stages, exchange);
  exchange.items = result.passages.size();
  exchange.tokens = result.tokens;
  exchange.queue_seconds = result.queue_seconds;
  exchange.inference_seconds = result.inference_seconds;
  for (std::size_t i = 0; i < result.passages.size(); ++i)
    if (result.passages[i].truncated) note_cut(i, exchange);
}

void note_cut(std::size_t index, Exchange& exchange) {
  if (exchange.truncated++ == 0) exchange.first_cut = index;
}

HttpError too_long(const std::string& field, const service::Model& model,
                   const Exchange& exchange) {
  const std::string place =
      exchange.items == 1 ? field : field + "[" + std::to_string(exchange.first_cut) + "]";
  const char* what =
      model.kind() == service::ModelKind::kReranker ? "with its query longer" : "longer";
  return {413, "validation",
          place + ": " + what + " than the model's " + std::to_string(model.max_length()) +
              " tokens, and the request says not to truncate",
          field};
}

void apply_timeout(const std::optional<double>& seconds, Exchange& exchange) {
  if (!seconds) return;
  if (!(*seconds > 0))
    throw HttpError(422, "validation", "timeout: expected seconds > 0", "timeout");
  if (*seconds > 1e6) return;
  const auto own = exchange.started + std::chrono::duration_cast<service::Clock::duration>(
                                          std::chrono::duration<double>(*seconds));
  exchange.ticket->deadline = std::min(exchange.ticket->deadline, own);
}

std::string unique_id() {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  const auto high = random(), low = random();
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xFFFF),
                static_cast<unsigned>(high & 0xFFF),
                static_cast<unsigned>(0x8000 | (low >> 48 & 0x3FFF)),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFu));
  return text;
}

}  // namespace narabi::http
