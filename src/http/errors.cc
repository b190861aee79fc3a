#include "http/errors.h"

#include "http/json_writer.h"

namespace narabi::http {
namespace {

struct Row {
  service::FailureKind kind;
  int status;
  const char* type;
};

// error_type as TEI names them.
constexpr Row kTable[] = {
    {service::FailureKind::kInvalid, 422, "validation"},
    {service::FailureKind::kUnknownModel, 404, "model_not_found"},
    {service::FailureKind::kOverloaded, 429, "overloaded"},
    {service::FailureKind::kDraining, 503, "unhealthy"},
    {service::FailureKind::kExpired, 408, "timeout"},
    {service::FailureKind::kCancelled, 499, "cancelled"},
    {service::FailureKind::kModelFailure, 424, "backend"},
};

Response render(int status, const std::string& type, const std::string& message,
                const std::string& field, ErrorShape shape) {
  JsonWriter json;
  json.begin_object();
  if (shape == ErrorShape::kOpenAi) {
    json.key("error").begin_object();
    json.key("message").text(message).key("type").text(type);
    json.key("param");
    if (field.empty()) {
      json.null();
    } else {
      json.text(field);
    }
    json.key("code").integer(status).end_object();
  } else {
    json.key("error").text(message);
  }
  json.key("error_type").text(type).key("message").text(message).key("detail").text(message);
  if (!field.empty()) json.key("field").text(field);
  json.end_object();
  return {.status = status, .body = json.take(), .headers = {}};
}

}  // namespace

Response error_response(const HttpError& error, ErrorShape shape) {
  std::string message = error.what();
  if (!error.field().empty() && message.find(error.field()) == std::string::npos)
    message = error.field() + ": " + message;
  return render(error.status(), error.type(), message, error.field(), shape);
}

Response failure_response(const service::Failure& failure, ErrorShape shape) {
  for (const Row& row : kTable) {
    if (row.kind != failure.kind) continue;
    Response response = render(row.status, row.type, failure.message, failure.field, shape);
    if (row.status == 429 || row.status == 503)
      response.headers.emplace_back("retry-after", std::to_string(failure.retry_after));
    return response;
  }
  return render(500, "unknown", failure.message, failure.field, shape);
}

}  // namespace narabi::http
