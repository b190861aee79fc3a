#include "data/groups.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/json_depth.h"
#include "base/line_reader.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxGroupDepth = 16;
enum class Format { kFlagEmbedding, kLabelledList, kTuple, kLabelledPair, kTriples };

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw InvalidFormat(where + ": " + what);
}

std::string quoted(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 60 ? std::string(base::utf8_prefix(text, 57)) + "..." : text;
}

void require_utf8(std::string_view line, const std::string& where) {
  if (const auto bad = base::invalid_utf8_at(line))
    fail(where, "invalid UTF-8 at byte " + std::to_string(*bad) + " of the line");
}

json parse(std::string_view line, const std::string& where) {
  require_utf8(line, where);
  base::check_json_depth(line, kMaxGroupDepth, where);
  json object = json::parse(line, nullptr, false);
  if (!object.is_object()) {
    fail(where, "expected a JSON object, found " + std::string(base::utf8_prefix(line, 60)));
  }
  return object;
}

// The first of `keys` that the object has.
const json* find(const json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = object.find(key);
    if (found != object.end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

std::string text(const json& object, std::initializer_list<const char*> keys,
                 const std::string& where) {
  const json* value = find(object, keys);
  if (value == nullptr)
    fail(where, "expected the key \"" + std::string(*keys.begin()) + "\", found " + quoted(object));
  if (!value->is_string())
    fail(where,
         "\"" + std::string(*keys.begin()) + "\": expected a string, found " + quoted(*value));
  return value->get<std::string>();
}

std::vector<std::string> texts(const json& object, const char* key, const std::string& where) {
  const json* value = find(object, {key});
  if (value == nullptr) return {};
  if (!value->is_array()) fail(where, std::string("\"") + key + "\": expected an array of strings");
  std::vector<std::string> list;
  for (const json& item : *value) {
    if (!item.is_string())
      fail(where, std::string("\"") + key + "\": expected strings, found " + quoted(item));
    list.push_back(item.get<std::string>());
  }
  return list;
}

float number(const json& value, const char* key, const std::string& where) {
  if (value.is_boolean()) return value.get<bool>() ? 1.0f : 0.0f;
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!value.is_number() || !(std::abs(value.get<double>()) <= kLargest))
    fail(where, std::string("\"") + key + "\": expected a finite number, found " + quoted(value));
  return static_cast<float>(value.get<double>());
}

// Appends the numbers at `key`, of which there have to be `count`. False when the key is absent.
bool add_numbers(const json& object, const char* key, std::size_t count, const std::string& where,
                 std::vector<float>& out) {
  const json* value = find(object, {key});
  if (value == nullptr) return false;
  if (!value->is_array() || value->size() != count) {
    fail(where, std::string("\"") + key + "\": expected an array of " + std::to_string(count) +
                    " numbers, found " + quoted(*value));
  }
  for (const json& item : *value) out.push_back(number(item, key, where));
  return true;
}

Group flag_embedding(const json& object, const std::string& where) {
  Group group;
  group.query = text(object, {"query"}, where);
  group.passages = texts(object, "pos", where);
  const std::size_t positives = group.passages.size();
  if (positives == 0) fail(where, "\"pos\": expected at least one passage, found none");
  const std::vector<std::string> negatives = texts(object, "neg", where);
  if (negatives.empty()) fail(where, "\"neg\": expected at least one passage, found none");
  group.passages.insert(group.passages.end(), negatives.begin(), negatives.end());
  group.labels.assign(group.passages.size(), 0.0f);
  std::fill_n(group.labels.begin(), positives, 1.0f);
  const bool first = add_numbers(object, "pos_scores", positives, where, group.teacher);
  const bool second = add_numbers(object, "neg_scores", negatives.size(), where, group.teacher);
  if (first != second) fail(where, "expected both of \"pos_scores\" and \"neg_scores\", found one");
  return group;
}

Group labelled_list(const json& object, const std::string& where) {
  Group group;
  group.query = text(object, {"query"}, where);
  group.passages = texts(object, object.contains("docs") ? "docs" : "passages", where);
  if (!add_numbers(object, "labels", group.passages.size(), where, group.labels))
    fail(where, "expected the key \"labels\"");
  add_numbers(object, "scores", group.passages.size(), where, group.teacher);
  return group;
}

Group tuple(const json& object, const std::string& where) {
  Group group;
  group.query = text(object, {"query", "anchor"}, where);
  group.passages = {text(object, {"positive"}, where)};
  for (const auto& [key, value] : object.items()) {
    if (!key.starts_with("negative")) continue;
    group.passages.push_back(text(object, {key.c_str()}, where));
  }
  group.labels.assign(group.passages.size(), 0.0f);
  group.labels[0] = 1.0f;
  return group;
}

// A group of one passage, which the lines after it may join.
Group labelled_pair(const json& object, const std::string& where) {
  const json* label = find(object, {"label", "score"});
  if (label == nullptr) fail(where, "expected the key \"label\", found " + quoted(object));
  return {text(object, {"query", "sentence1"}, where),
          {text(object, {"passage", "sentence2"}, where)},
          {number(*label, "label", where)},
          {}};
}

Group triple(std::string_view line, const std::string& where) {
  require_utf8(line, where);
  std::vector<std::string> columns;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    columns.emplace_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  if (columns.size() != 3) {
    fail(where,
         "expected 3 columns (query, positive, negative), found " + std::to_string(columns.size()));
  }
  return {columns[0], {columns[1], columns[2]}, {1.0f, 0.0f}, {}};
}

Format format_of(std::string_view line, const std::string& where) {
  if (line.find_first_not_of(" \t") != std::string_view::npos &&
      line[line.find_first_not_of(" \t")] != '{')
    return Format::kTriples;
  const json object = parse(line, where);
  if (object.contains("pos") || object.contains("neg")) return Format::kFlagEmbedding;
  if (object.contains("labels")) return Format::kLabelledList;
  if (object.contains("positive")) return Format::kTuple;
  if (object.contains("label") || object.contains("score")) return Format::kLabelledPair;
  fail(where,
       "expected a training group: keys pos and neg, or docs and labels, or positive, or label; "
       "found " +
           quoted(object));
}

Group read_line(Format format, std::string_view line, const std::string& where) {
  if (format == Format::kTriples) return triple(line, where);
  const json object = parse(line, where);
  switch (format) {
    case Format::kFlagEmbedding:
      return flag_embedding(object, where);
    case Format::kLabelledList:
      return labelled_list(object, where);
    case Format::kTuple:
      return tuple(object, where);
    default:
      return labelled_pair(object, where);
  }
}

bool has_contrast(const Group& group) {
  const auto [low, high] = std::minmax_element(group.labels.begin(), group.labels.end());
  return *low != *high;
}

[[noreturn]] void fail_for_contrast(const Group& group, const std::string& where) {
  fail(where, "all labels are " + std::to_string(group.labels[0]) +
                  ": expected relevant and other passages in one group");
}

void check(const Group& group, const std::string& where) {
  if (group.query.empty()) fail(where, "the query is empty");
  if (group.passages.size() < 2) {
    fail(where,
         "expected a group of at least 2 passages, found " + std::to_string(group.passages.size()));
  }
  if (!has_contrast(group) && group.teacher.empty()) fail_for_contrast(group, where);
  const float low = *std::min_element(group.labels.begin(), group.labels.end());
  for (std::size_t i = 0; i < group.passages.size(); ++i) {
    if (group.labels[i] > low && group.passages[i].empty())
      fail(where, "passage " + std::to_string(i + 1) + " of " +
                      std::to_string(group.passages.size()) +
                      " is relevant: expected text, found none");
  }
}

}  // namespace

std::string to_json_line(const Group& group) {
  json object = {{"query", group.query}, {"pos", json::array()}, {"neg", json::array()}};
  for (std::size_t i = 0; i < group.passages.size(); ++i) {
    const std::string side = group.labels[i] > 0 ? "pos" : "neg";
    object[side].push_back(group.passages[i]);
    if (!group.teacher.empty()) object[side + "_scores"].push_back(group.teacher[i]);
  }
  return object.dump();
}

struct GroupFile::Impl {
  struct Span {
    std::size_t begin, lines;  // byte offset of the first line; lines of the group
    std::size_t line;          // number of the first line
  };
  std::string path, unpacked;
  std::optional<base::MappedFile> mapped;
  std::string_view bytes;
  Format format = Format::kFlagEmbedding;
  std::vector<Span> groups;
  bool teacher = true;
  struct Extreme {
    float label = 0;
    std::size_t line = 0;  // where it comes first; 0: nowhere yet
  } lowest, highest;

  std::string place(std::size_t line) const { return path + ":" + std::to_string(line); }

  // The line at `begin`, without its end; moves `begin` to the next.
  std::string_view take_line(std::size_t& begin) const {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    std::string_view line = bytes.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    begin = end + 1;
    return line;
  }

  Group read(const Span& span) const {
    std::size_t offset = span.begin, line = span.line;
    Group group = read_line(format, take_line(offset), place(line));
    for (std::size_t i = 1; i < span.lines; ++i) {
      const Group next = read_line(format, take_line(offset), place(++line));
      group.passages.push_back(next.passages[0]);
      group.labels.push_back(next.labels[0]);
    }
    return group;
  }

  void index() {
    std::size_t number = 0;
    std::string last_query;
    for (std::size_t offset = 0; offset < bytes.size();) {
      const std::size_t begin = offset;
      const std::string_view line = take_line(offset);
      ++number;
      if (line.find_first_not_of(" \t") == std::string_view::npos) {
        last_query.clear();
        continue;
      }
      if (groups.empty()) format = format_of(line, place(number));
      const Group group = read_line(format, line, place(number));
      teacher = teacher && !group.teacher.empty();
      for (const float label : group.labels) {
        if (lowest.line == 0 || label < lowest.label) lowest = {label, number};
        if (highest.line == 0 || label > highest.label) highest = {label, number};
      }
      if (format == Format::kLabelledPair && !groups.empty() && group.query == last_query) {
        ++groups.back().lines;
        continue;
      }
      if (format != Format::kLabelledPair) check(group, place(number));
      last_query = group.query;
      groups.push_back({begin, 1, number});
    }
    if (groups.empty()) fail(path, "expected training groups, found none");
    if (format != Format::kLabelledPair) return;
    for (const Span& span : groups) check(read(span), place(span.line));
  }
};

GroupFile::GroupFile(const std::string& path) : impl_(std::make_unique<Impl>()) {
  impl_->path = path == "-" ? "stdin" : path;
  const bool unmappable =
      path == "-" || path.ends_with(".gz") || path.ends_with(".xz") || path.ends_with(".zst");
  if (unmappable) {
    impl_->unpacked = base::read_file(path);
    impl_->bytes = impl_->unpacked;
  } else {
    impl_->bytes = impl_->mapped.emplace(path).text();
  }
  if (impl_->bytes.starts_with("\xEF\xBB\xBF")) impl_->bytes.remove_prefix(3);
  impl_->index();
}
GroupFile::~GroupFile() = default;
GroupFile::GroupFile(GroupFile&&) noexcept = default;

std::size_t GroupFile::size() const {
  return impl_->groups.size();
}
Group GroupFile::read(std::size_t index) const {
  return impl_->read(impl_->groups.at(index));
}
bool GroupFile::has_teacher() const {
  return impl_->teacher;
}
void GroupFile::require_contrast() const {
  for (const Impl::Span& span : impl_->groups) {
    const Group group = impl_->read(span);
    if (!has_contrast(group)) fail_for_contrast(group, impl_->place(span.line));
  }
}
void GroupFile::require_labels(double low, double high, const std::string& who) const {
  for (const Impl::Extreme& extreme : {impl_->lowest, impl_->highest}) {
    if (extreme.label >= low && extreme.label <= high) continue;
    std::ostringstream message;
    message << "labels: expected " << low;
    std::isinf(high) ? message << " or more" : message << " to " << high;
    message << " for " << who << ", found " << extreme.label;
    fail(impl_->place(extreme.line), message.str());
  }
}
std::string GroupFile::where(std::size_t index) const {
  return impl_->place(impl_->groups.at(index).line);
}

}  // namespace narabi::data
