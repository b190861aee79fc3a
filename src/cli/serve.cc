// narabi serve: rerankers and embedders over HTTP.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/cpu.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/model_options.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "data/readers.h"
#include "http/server.h"
#include "narabi/error.h"
#include "retrieve/collection.h"

namespace narabi::cli {
namespace serve_command {
namespace {

struct Options {
  std::vector<std::string> models, corpus, api_keys;
  std::string index, embedder, api_key_file, log_format = "text";
  bool auto_truncate = true, json = false;
  ModelFlags model_flags;
  service::ServiceOptions service;
  http::ServerOptions http;
};

constexpr double kMostSeconds = 1e8;  // that a clock of nanoseconds holds, with room

// "name=folder", or a folder whose last part is the name.
std::pair<std::string, std::string> split_model(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos && !std::filesystem::exists(text))
    return {text.substr(0, equals), text.substr(equals + 1)};
  const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
  const std::string name =
      path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  return {name, text};
}

void load_models(const Options& options, service::Service& service) {
  for (const std::string& text : options.models) {
    const auto [name, folder] = split_model(text);
    if (!service::is_slot_name(name))
      throw InvalidArgument("--model " + text +
                            ": expected FOLDER or NAME=FOLDER, the name without \">\" and control "
                            "characters");
    if (service.models().exactly(name))
      throw InvalidArgument("--model " + text + ": the name " + name +
                            " is taken; give another as NAME=FOLDER");
    check_interrupt();
    const service::ModelPtr model = service.models().load(name, folder);
    fmt::print(stderr, "narabi: {} loaded in {:.2f} s ({})\n", name, model->loaded_in(), folder);
  }
}

// Vectors that cannot be searched are an error where --embedder asks for them; else they are said,
// and BM25 works.
void open_index(const Options& options, service::Service& service) {
  auto collection = std::make_unique<retrieve::Collection>(options.index, options.embedder);
  bool vectors = collection->has_vectors() || !options.embedder.empty();
  try {
    if (vectors) collection->load_vectors();
  } catch (const Error& error) {
    if (!options.embedder.empty()) throw;
    vectors = false;
    fmt::print(stderr, "narabi: /search has BM25 alone: {}\n", error.what());
  }
  service.set_collection(std::move(collection), vectors);
}

void open_candidates(const Options& options, service::Service& service) {
  if (!options.index.empty()) return open_index(options, service);
  if (options.corpus.empty()) return;
  std::vector<Document> documents;
  for (data::Passage& passage : data::read_corpus(options.corpus))
    documents.push_back({*passage.id, std::move(passage.title), std::move(passage.text)});
  service.set_collection(std::make_unique<retrieve::Collection>(std::move(documents)), false);
}

// What a line says before a comment ("#" at its start or after a blank), without blanks around it.
std::string without_comment(const std::string& line) {
  std::size_t end = line.find('#');
  while (end != std::string::npos && end > 0 && line[end - 1] != ' ' && line[end - 1] != '\t')
    end = line.find('#', end + 1);
  const std::string text = line.substr(0, end);
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> keys_of_file(const std::string& path) {
  std::vector<std::string> keys;
  base::LineReader lines(path, base::InvalidUtf8::kReject);
  for (std::string line; lines.next(line);)
    if (std::string key = without_comment(line); !key.empty()) keys.push_back(std::move(key));
  if (keys.empty()) throw InvalidFormat(path + ": expected a key a line, found none");
  return keys;
}

void say_ready(const Options& options, const http::Server& server,
               const service::Service& service) {
  Output output("-");
  std::string names;
  for (const auto& model : service.models().all())
    names += (names.empty() ? "" : ", ") + model->name();
  if (options.json) {
    JsonLine line;
    line.set_flag("ready", true).set("url", server.address()).set_integer("port", server.port());
    line.set("models", names);
    if (server.inside_port() != 0) line.set_integer("inside_port", server.inside_port());
    output.line(line.text());
  } else {
    output.line("narabi: ready on " + server.address() + " with " + names);
  }
  output.close();
}

bool interrupted() {
  try {
    check_interrupt();
    return false;
  } catch (const Interrupted&) {
    return true;
  }
}

void run(Options& options) {
  if (!options.auto_truncate)
    throw CLI::ValidationError("--auto-truncate",
                               "expected true, found false; requests say it: \"truncate\": false");
  options.service.model = options.model_flags.options();
  if (options.service.model.threads == 0) options.service.model.threads = base::available_cores();
  if (!options.api_key_file.empty())
    for (std::string& key : keys_of_file(options.api_key_file)) options.api_keys.push_back(key);
  options.http.api_keys = options.api_keys;
  options.http.log = options.log_format == "json"  ? http::LogFormat::kJson
                     : options.log_format == "off" ? http::LogFormat::kOff
                                                   : http::LogFormat::kText;
  service::Service service(options.service);
  http::Router router({service, options.http});
  http::Server server(router);  // a port that is taken is said before a minute of loading
  load_models(options, service);
  open_candidates(options, service);
  say_ready(options, server, service);
  const std::size_t cut = server.run(interrupted);
  service.stop();  // its answers go to the server, which has to be there
  if (cut > 0) fmt::print(stderr, "narabi: {} connections were cut off at the drain limit\n", cut);
  check_interrupt();
}

void add_model_options(CLI::App& command, Options& options) {
  command
      .add_option("--model,--model-id", options.models,
                  "Model folder, or NAME=FOLDER; several will do: rerankers and embedders")
      ->required()
      ->envname("MODEL_ID");
  command
      .add_option("--served-model-name", options.http.served_name,
                  "What answers call the first model")
      ->envname("SERVED_MODEL_NAME");
  CLI::Option* index =
      command.add_option("--index", options.index, "/search: an index that narabi index made")
          ->envname("INDEX");
  command
      .add_option("--embedder", options.embedder,
                  "The index's embedder, where it is not where it was")
      ->needs(index)
      ->envname("EMBEDDER");
  command
      .add_option("--corpus", options.corpus,
                  "/search: JSON lines {\"id\", \"title\"?, \"text\"}, BM25 in memory")
      ->excludes(index);
  command
      .add_option("--cache-entries", options.service.cache_entries,
                  "Scores to keep, about 150 bytes each; 0: no cache")
      ->check(at_least(0))
      ->envname("CACHE_ENTRIES")
      ->capture_default_str();
  command.add_flag("--strict-model-names", options.service.strict_names,
                   "Names such as rerank-v3.5 do not stand for the first model");
}

void add_address_options(CLI::App& command, Options& options) {
  command.add_option("--host,--hostname", options.http.host, "Address to listen on")
      ->envname("HOST")
      ->capture_default_str();
  command.add_option("-p,--port", options.http.port, "Port; 0: any free one")
      ->envname("PORT")
      ->capture_default_str();
  command
      .add_option("--prometheus-port,--admin-port", options.http.inside_port,
                  "Port of its own for /metrics and the admin API, which the main one then has not")
      ->envname("PROMETHEUS_PORT");
  command
      .add_option("--uds-path,--unix-socket", options.http.unix_socket,
                  "Unix socket instead of host and port")
      ->envname("UDS_PATH");
  command
      .add_option("--api-key", options.api_keys, "Key that callers have to send; several will do")
      ->envname("API_KEY");
  command.add_option("--api-key-file", options.api_key_file, "Keys, one a line; # comments")
      ->envname("API_KEY_FILE");
  command
      .add_option("--admin-token", options.http.admin_token,
                  "Turns the admin API on, for those who send this token")
      ->envname("ADMIN_TOKEN");
  command.add_option("--cors-allow-origin", options.http.cors_origin, "Origin, or *")
      ->envname("CORS_ALLOW_ORIGIN");
}

void add_limit_options(CLI::App& command, Options& options) {
  const auto count = [&](const char* flag, auto& value, const char* help, const char* env) {
    command.add_option(flag, value, help)->check(at_least(1))->envname(env)->capture_default_str();
  };
  const auto seconds = [&](const char* flag, double& value, const char* help, const char* env) {
    command.add_option(flag, value, help)
        ->check(between(0.001, kMostSeconds))
        ->envname(env)
        ->capture_default_str();
  };
  count("--max-concurrent-requests", options.service.max_open_requests,
        "Requests open at a time; more get 429", "MAX_CONCURRENT_REQUESTS");
  count("--max-batch-tokens", options.service.scheduler.max_batch_tokens,
        "Tokens of a batch, estimated", "MAX_BATCH_TOKENS");
  count("--max-queue-tokens", options.service.scheduler.max_queue_tokens,
        "Tokens that may wait, estimated; more get 429", "MAX_QUEUE_TOKENS");
  command
      .add_option(
          "--max-queue-seconds", options.service.scheduler.max_queue_seconds,
          "Work that may wait, in seconds at the speed measured lately; more get 429; 0: the "
          "deadlines and --max-queue-tokens alone")
      ->check(between(0, kMostSeconds))
      ->envname("MAX_QUEUE_SECONDS")
      ->capture_default_str();
  seconds("--batch-seconds", options.service.scheduler.batch_seconds,
          "Time that a batch aims at, so that small requests get in between", "BATCH_SECONDS");
  count("--max-client-batch-size", options.http.max_batch, "Documents, texts or pairs of a request",
        "MAX_CLIENT_BATCH_SIZE");
  command
      .add_flag("--auto-truncate", options.auto_truncate,
                "As always: what is too long is cut, unless its request says \"truncate\": false")
      ->envname("AUTO_TRUNCATE");
  count("--payload-limit", options.http.body_limit, "Bytes of a request", "PAYLOAD_LIMIT");
  count("--max-connections", options.http.max_connections, "Connections open at a time",
        "MAX_CONNECTIONS");
  seconds("--request-timeout", options.http.request_seconds,
          "Seconds that a request may take that names no X-Request-Timeout", "REQUEST_TIMEOUT");
  seconds("--header-timeout", options.http.header_seconds, "Seconds for a request's headers",
          "HEADER_TIMEOUT");
  seconds("--body-timeout", options.http.body_seconds, "Seconds for a request's body",
          "BODY_TIMEOUT");
  seconds("--idle-timeout", options.http.idle_seconds, "Seconds between two requests",
          "IDLE_TIMEOUT");
  seconds("--drain-timeout", options.http.drain_seconds,
          "Seconds after SIGTERM for the requests under way", "DRAIN_TIMEOUT");
  command.add_option("--io-threads", options.http.io_threads, "Threads for connections and JSON")
      ->check(between(1, 1024))
      ->envname("IO_THREADS")
      ->capture_default_str();
}

constexpr const char* kFooter =
    "Answers the clients of TEI, Cohere, Jina, Voyage, vLLM, llama.cpp and OpenAI (embeddings): "
    "/rerank,\n"
    "/v1/rerank, /v2/rerank, /voyage/v1/rerank, /weaviate/rerank, /score, /predict, /embed,\n"
    "/v1/embeddings, /tokenize, /search, /info, /v1/models, /health, /ready, /metrics; a page at "
    "/;\n"
    "all of it in /openapi.json. SIGTERM: requests under way are answered, then it ends.\n"
    "Examples:\n"
    "  narabi serve --model models/narabi-xsmall\n"
    "  narabi serve --model small=DIR --model large=DIR --port 8080 --api-key-file keys.txt\n"
    "  narabi serve --model DIR --index INDEX\n"
    "  narabi serve --model DIR --corpus data/kyoto/kyoto-sample.jsonl.xz\n"
    "  curl localhost:8080/rerank -H 'content-type: application/json' -d '{\"query\":\"首都は\","
    "\"documents\":[\"東京は首都\",\"京都は古都\"]}'";

}  // namespace
}  // namespace serve_command

void add_serve(CLI::App& app) {
  using namespace serve_command;
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("serve", "Rerank, score, embed and search over HTTP");
  add_model_options(*command, *options);
  add_address_options(*command, *options);
  add_limit_options(*command, *options);
  command->add_option("--log-format", options->log_format, "text, json or off; on stderr")
      ->check(CLI::IsMember({"text", "json", "off"}))
      ->envname("LOG_FORMAT")
      ->capture_default_str();
  command->add_flag("--json", options->json, "The line that says it is ready, as JSON");
  options->model_flags.add_to(*command);
  command->footer(kFooter);
  command->callback([options] { run(*options); });
}

}  // namespace narabi::cli
