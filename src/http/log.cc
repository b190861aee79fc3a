#include "http/log.h"

#include <chrono>
#include <cstdio>
#include <ctime>

#include "http/json_writer.h"

namespace narabi::http {
namespace {

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(millis));
  return text;
}

double elapsed_ms(const Exchange& exchange) {
  return std::chrono::duration<double, std::milli>(service::Clock::now() - exchange.started)
      .count();
}

// What a client chose ends in a terminal: printable ASCII only.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) out += c > 0x20 && c < 0x7F ? c : '?';
  return out;
}

std::string json_line(const Exchange& exchange, const Response& response) {
  JsonWriter json;
  json.begin_object().key("ts").text(timestamp()).key("event").text("request");
  json.key("id").text(plain(exchange.id)).key("method").text(plain(exchange.request.method));
  json.key("path").text(plain(exchange.request.path)).key("status").integer(response.status);
  json.key("ms").number(static_cast<float>(elapsed_ms(exchange)));
  json.key("bytes_in").integer(static_cast<std::int64_t>(exchange.request.body.size()));
  json.key("bytes_out").integer(static_cast<std::int64_t>(response.body.size()));
  if (exchange.items > 0) {
    json.key("items").integer(static_cast<std::int64_t>(exchange.items));
    json.key("tokens").integer(static_cast<std::int64_t>(exchange.tokens));
    json.key("truncated").integer(static_cast<std::int64_t>(exchange.truncated));
    json.key("queue_ms").number(static_cast<float>(exchange.queue_seconds * 1e3));
    json.key("inference_ms").number(static_cast<float>(exchange.inference_seconds * 1e3));
  }
  if (!exchange.model.empty()) json.key("model").text(exchange.model);
  if (!exchange.error_type.empty()) json.key("error_type").text(exchange.error_type);
  const std::string_view trace = exchange.request.header("traceparent");
  if (!trace.empty()) json.key("traceparent").text(plain(trace));
  json.key("peer").text(exchange.request.peer).end_object();
  return json.take();
}

std::string text_line(const Exchange& exchange, const Response& response) {
  char numbers[160];
  std::snprintf(numbers, sizeof numbers, " %.1fms items=%zu tokens=%zu queue=%.1fms",
                elapsed_ms(exchange), exchange.items, exchange.tokens,
                exchange.queue_seconds * 1e3);
  std::string line = timestamp() + " " + std::to_string(response.status) + " " +
                     plain(exchange.request.method) + " " + plain(exchange.request.path) + numbers;
  if (!exchange.error_type.empty()) line += " error=" + exchange.error_type;
  return line + " id=" + plain(exchange.id);
}

}  // namespace

void log_request(LogFormat format, const Exchange& exchange, const Response& response) {
  if (format == LogFormat::kOff) return;
  const std::string line =
      (format == LogFormat::kJson ? json_line(exchange, response) : text_line(exchange, response)) +
      "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace narabi::http
