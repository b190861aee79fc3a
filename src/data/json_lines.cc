#include "data/json_lines.h"

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::data {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxDepth = 64;

std::string shown(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 60 ? std::string(base::utf8_prefix(text, 57)) + "..." : text;
}

}  // namespace

struct JsonLines::Impl {
  base::LineReader lines;
  std::string line;
  json object;
  std::int64_t count = 0;
};

JsonLines::JsonLines(const std::string& path, base::InvalidUtf8 invalid)
    : JsonLines(base::LineReader(path, invalid)) {}
JsonLines::JsonLines(base::LineReader lines) : impl_(new Impl{std::move(lines), {}, {}, 0}) {}
JsonLines::~JsonLines() = default;
JsonLines::JsonLines(JsonLines&&) noexcept = default;

bool JsonLines::next() {
  do {
    if (!impl_->lines.next(impl_->line)) return false;
  } while (base::is_blank(impl_->line));
  base::check_json_depth(impl_->line, kMaxDepth, where());
  try {
    impl_->object = json::parse(impl_->line);
  } catch (const json::exception&) {
    throw InvalidFormat(where() + ": expected a JSON object, found " +
                        std::string(base::utf8_prefix(impl_->line, 60)));
  }
  if (!impl_->object.is_object())
    throw InvalidFormat(where() + ": expected a JSON object, found " + shown(impl_->object));
  ++impl_->count;
  return true;
}

bool JsonLines::has(std::string_view key) const {
  return impl_->object.contains(std::string(key));
}

std::string JsonLines::text(std::string_view key) const {
  const auto found = impl_->object.find(std::string(key));
  if (found == impl_->object.end()) {
    throw InvalidFormat(where() + ": expected the key \"" + std::string(key) + "\", found " +
                        shown(impl_->object));
  }
  if (!found->is_string()) {
    throw InvalidFormat(where() + ": \"" + std::string(key) + "\": expected a string, found " +
                        shown(*found));
  }
  return found->get<std::string>();
}

std::vector<std::string> JsonLines::texts(std::string_view key) const {
  const auto found = impl_->object.find(std::string(key));
  std::vector<std::string> out;
  if (found != impl_->object.end() && found->is_array()) {
    for (const json& value : *found) {
      if (value.is_string()) out.push_back(value.get<std::string>());
    }
    if (out.size() == found->size()) return out;
  }
  throw InvalidFormat(where() + ": \"" + std::string(key) +
                      "\": expected a list of strings, found " +
                      (found == impl_->object.end() ? "nothing" : shown(*found)));
}

std::optional<std::string> JsonLines::id() const {
  for (const char* key : {"id", "_id", "docid"}) {
    const auto found = impl_->object.find(key);
    if (found == impl_->object.end()) continue;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer()) return found->dump();
    throw InvalidFormat(where() + ": \"" + key + "\": expected a string or an integer, found " +
                        shown(*found));
  }
  return std::nullopt;
}

std::string JsonLines::without(std::initializer_list<std::string_view> keys) const {
  json rest = impl_->object;
  for (const std::string_view key : keys) rest.erase(std::string(key));
  return rest.empty() ? "" : rest.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string JsonLines::where() const {
  return impl_->lines.where();
}
std::int64_t JsonLines::count() const {
  return impl_->count;
}

}  // namespace narabi::data
