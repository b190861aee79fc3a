#include "http/metrics.h"

#include <unistd.h>

#include <charconv>
#include <fstream>

namespace narabi::http {
namespace {

std::string number(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string label_value(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

class Page {
 public:
  void head(const char* name, const char* type, const char* help) {
    out_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void line(const std::string& name, double value) { out_ += name + " " + number(value) + "\n"; }
  void counter(const char* name, const char* help, double value) {
    head(name, "counter", help);
    line(name, value);
  }
  void gauge(const char* name, const char* help, double value) {
    head(name, "gauge", help);
    line(name, value);
  }
  void histogram(const char* name, const char* help, const service::Histogram& histogram) {
    const auto reading = histogram.read();
    head(name, "histogram", help);
    for (std::size_t i = 0; i < reading.cumulative.size(); ++i)
      line(std::string(name) + "_bucket{le=\"" + number(service::Histogram::kBounds[i]) + "\"}",
           static_cast<double>(reading.cumulative[i]));
    line(std::string(name) + "_bucket{le=\"+Inf\"}", static_cast<double>(reading.count));
    line(std::string(name) + "_sum", reading.sum);
    line(std::string(name) + "_count", static_cast<double>(reading.count));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void write_requests(Page& page, service::Stats& stats) {
  page.counter("te_request_count", "Requests for scores, vectors or search",
               static_cast<double>(stats.requests));
  page.counter("te_request_success", "Of them, answered with 200",
               static_cast<double>(stats.succeeded));
  page.head("te_request_failure", "counter", "Of them, refused or failed, by error_type");
  for (const auto& [type, count] : stats.failed.read())
    page.line("te_request_failure{err=\"" + label_value(type) + "\"}", static_cast<double>(count));
  page.histogram("te_request_duration", "Seconds from the request's coming to its answer",
                 stats.request);
  page.histogram("te_request_queue_duration", "Seconds in the queue", stats.queue);
  page.histogram("te_request_inference_duration", "Seconds in batches, tokenizing included",
                 stats.inference);
}

void write_queue(Page& page, App const& app, service::Stats& stats) {
  page.gauge("te_queue_size", "Jobs that wait", static_cast<double>(stats.queued_jobs));
  page.gauge("te_batch_next_size", "Items of the last batch",
             static_cast<double>(stats.last_batch_items));
  page.gauge("te_batch_next_tokens", "Estimated tokens of the last batch",
             static_cast<double>(stats.last_batch_tokens));
  page.gauge("narabi_queue_tokens", "Estimated tokens that wait",
             static_cast<double>(stats.queued_tokens));
  page.gauge("narabi_queue_seconds", "How long what waits will take, at the speed measured lately",
             app.service.waiting_seconds());
  page.gauge("narabi_open_requests", "Requests taken and not answered",
             static_cast<double>(stats.open_requests));
  page.counter("narabi_batches_total", "Batches run", static_cast<double>(stats.batches));
  page.counter("narabi_items_total", "Pairs and texts scored", static_cast<double>(stats.items));
  page.counter("narabi_tokens_total", "Tokens scored", static_cast<double>(stats.tokens));
  page.counter("narabi_truncated_total", "Pairs and texts that were cut",
               static_cast<double>(stats.truncated));
}

void write_models(Page& page, App const& app) {
  page.head("narabi_model_info", "gauge", "1 for each model that is loaded");
  const auto models = app.service.models().all();
  for (const service::ModelPtr& model : models)
    page.line("narabi_model_info{model=\"" + label_value(model->name()) + "\",version=\"" +
                  model->version() + "\"}",
              1);
  page.head("narabi_model_tokens_per_second", "gauge", "Speed measured lately, estimated tokens");
  for (const service::ModelPtr& model : models)
    page.line("narabi_model_tokens_per_second{model=\"" + label_value(model->name()) + "\"}",
              model->tokens_per_second());
}

}  // namespace

std::string metrics_text(const App& app) {
  service::Stats& stats = app.service.stats();
  Page page;
  write_requests(page, stats);
  write_queue(page, app, stats);
  page.histogram("narabi_retrieval_duration", "Seconds of the first stage of /search",
                 stats.retrieval);
  page.counter("narabi_cache_hits_total", "Scores taken from the cache",
               static_cast<double>(stats.cache_hits));
  page.counter("narabi_cache_misses_total", "Scores that were not in the cache",
               static_cast<double>(stats.cache_misses));
  page.gauge("narabi_cache_entries", "Scores in the cache",
             static_cast<double>(app.service.cache().size()));
  page.counter("narabi_swaps_total", "Models put into a slot", static_cast<double>(stats.swaps));
  const auto shadow = app.service.shadow().report();
  page.counter("narabi_shadow_requests_total", "Requests scored by the shadow model too",
               static_cast<double>(stats.shadowed));
  page.gauge("narabi_shadow_kendall_tau", "Mean agreement of the two orders", shadow.kendall_tau);
  page.gauge("narabi_ready", "1 until the server shuts down", app.service.draining() ? 0 : 1);
  page.gauge("process_resident_memory_bytes", "Resident memory", resident_bytes());
  write_models(page, app);
  return page.take();
}

}  // namespace narabi::http
