#include "train/yaml_reader.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "base/line_reader.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

std::string shown(const YAML::Node& node) {
  if (node.IsScalar()) return "\"" + node.Scalar() + "\"";
  return node.IsSequence() ? "a list" : node.IsMap() ? "a mapping" : "nothing";
}

// yaml-cpp would take 0100 for octal.
std::optional<std::int64_t> decimal(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// Sets the value at a dotted key, making mappings on the way.
void set(YAML::Node root, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw InvalidArgument("--set " + assignment + ": expected KEY=VALUE");
  YAML::Node value;
  try {
    value = YAML::Load(assignment.substr(equals + 1));
  } catch (const YAML::Exception& error) {
    throw InvalidArgument("--set " + assignment + ": " + error.what());
  }
  const std::string key = assignment.substr(0, equals);
  YAML::Node node = root;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = key.find('.', begin);
    const std::string part = key.substr(begin, dot - begin);
    if (dot == std::string::npos) {
      node[part] = value;
      return;
    }
    if (!node[part].IsDefined() || !node[part].IsMap())
      node[part] = YAML::Node(YAML::NodeType::Map);
    node.reset(node[part]);
    begin = dot + 1;
  }
}

}  // namespace

struct YamlReader::Impl {
  std::string file, prefix;
  YAML::Node node;
  std::set<std::string> known;
  std::vector<std::string> overrides;  // KEY=VALUE

  // What was given by --set stands in no line of the file.
  std::string place(const YAML::Node& at, const std::string& key) const {
    const std::string whole = prefix + key;
    for (const std::string& assignment : overrides) {
      const std::string set = assignment.substr(0, assignment.find('='));
      if (whole.starts_with(set) &&
          (whole.size() == set.size() || whole[set.size()] == '.' || whole[set.size()] == '['))
        return "--set " + assignment;
    }
    const int line = at.IsDefined() ? at.Mark().line : -1;
    return line < 0 ? file : file + ":" + std::to_string(line + 1);
  }
  YAML::Node find(const std::string& key) {
    known.insert(key);
    if (!node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node found = std::as_const(node)[key];
    return found.IsDefined() && !found.IsNull() ? found : YAML::Node(YAML::NodeType::Undefined);
  }
  [[noreturn]] void fail(const YAML::Node& at, const std::string& key,
                         const std::string& what) const {
    throw InvalidFormat(place(at, key) + ": " + prefix + key + ": " + what);
  }
};

YamlReader::YamlReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
YamlReader::~YamlReader() = default;
YamlReader::YamlReader(YamlReader&&) noexcept = default;

YamlReader YamlReader::open(const std::string& path, const std::vector<std::string>& overrides) {
  auto impl = std::make_unique<Impl>();
  impl->file = path;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(base::read_file(path));
    if (documents.size() > 1)
      throw InvalidFormat(path + ": expected one document, found " +
                          std::to_string(documents.size()) + " (---)");
    if (!documents.empty()) impl->node = documents[0];
  } catch (const YAML::Exception& error) {
    throw InvalidFormat(path + ":" + std::to_string(error.mark.line + 1) +
                        ": expected YAML: " + error.msg);
  }
  if (!impl->node.IsMap()) throw InvalidFormat(path + ": expected a mapping of keys to values");
  for (const std::string& assignment : overrides) set(impl->node, assignment);
  impl->overrides = overrides;
  return YamlReader(std::move(impl));
}

bool YamlReader::has(const std::string& key) const {
  return impl_->find(key).IsDefined();
}

void YamlReader::read(const std::string& key, std::string& value) {
  const YAML::Node found = impl_->find(key);
  if (!found.IsDefined()) return;
  if (!found.IsScalar()) impl_->fail(found, key, "expected a text, found " + shown(found));
  value = found.Scalar();
}

void YamlReader::read(const std::string& key, double& value, double low, double high) {
  const YAML::Node found = impl_->find(key);
  if (!found.IsDefined()) return;
  double number = std::numeric_limits<double>::quiet_NaN();
  if (!found.IsScalar() || !YAML::convert<double>::decode(found, number))
    number = std::numeric_limits<double>::quiet_NaN();  // a decode that fails may have written 0
  if (!(number >= low && number <= high)) {
    const std::string upper =
        std::isinf(high) ? " or more" : " to " + std::to_string(high).substr(0, 6);
    impl_->fail(found, key,
                "expected a number of " + std::to_string(low).substr(0, 6) + upper + ", found " +
                    shown(found));
  }
  value = number;
}

void YamlReader::read(const std::string& key, std::int64_t& value, std::int64_t low,
                      std::int64_t high) {
  const YAML::Node found = impl_->find(key);
  if (!found.IsDefined()) return;
  const auto number = found.IsScalar() ? decimal(found.Scalar()) : std::nullopt;
  if (!number || *number < low || *number > high) {
    const bool open = high == std::numeric_limits<std::int64_t>::max();
    impl_->fail(found, key,
                "expected a whole number of " + std::to_string(low) +
                    (open ? " or more" : " to " + std::to_string(high)) + ", found " +
                    shown(found));
  }
  value = *number;
}

void YamlReader::read(const std::string& key, std::vector<std::string>& value) {
  const YAML::Node found = impl_->find(key);
  if (!found.IsDefined()) return;
  if (found.IsScalar()) {
    value = {found.Scalar()};
    return;
  }
  if (!found.IsSequence())
    impl_->fail(found, key, "expected a list of texts, found " + shown(found));
  value.clear();
  for (const YAML::Node& item : found) {
    if (!item.IsScalar()) impl_->fail(item, key, "expected texts, found " + shown(item));
    value.push_back(item.Scalar());
  }
}

int YamlReader::one_of(const std::string& key, const std::vector<std::string>& words) {
  const YAML::Node found = impl_->find(key);
  if (!found.IsDefined()) return -1;
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (found.IsScalar() && found.Scalar() == words[i]) return static_cast<int>(i);
    list += (list.empty() ? "" : ", ") + words[i];
  }
  impl_->fail(found, key, "expected one of " + list + "; found " + shown(found));
}

YamlReader YamlReader::section(const std::string& key) {
  const YAML::Node found = impl_->find(key);
  if (found.IsDefined() && !found.IsMap())
    impl_->fail(found, key, "expected a mapping, found " + shown(found));
  auto impl = std::make_unique<Impl>();
  impl->file = impl_->file;
  impl->overrides = impl_->overrides;
  impl->prefix = impl_->prefix + key + ".";
  if (found.IsDefined()) impl->node = found;
  return YamlReader(std::move(impl));
}

std::vector<YamlReader> YamlReader::sections(const std::string& key) {
  const YAML::Node found = impl_->find(key);
  std::vector<YamlReader> list;
  if (!found.IsDefined()) return list;
  if (!found.IsSequence()) impl_->fail(found, key, "expected a list, found " + shown(found));
  for (const YAML::Node& item : found) {
    if (!item.IsMap()) impl_->fail(item, key, "expected mappings, found " + shown(item));
    auto impl = std::make_unique<Impl>();
    impl->file = impl_->file;
    impl->overrides = impl_->overrides;
    impl->prefix = impl_->prefix + key + "[" + std::to_string(list.size()) + "].";
    impl->node = item;
    list.push_back(YamlReader(std::move(impl)));
  }
  return list;
}

void YamlReader::finish() const {
  if (!impl_->node.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& entry : impl_->node) {
    const std::string key = entry.first.Scalar();
    if (!seen.insert(key).second) impl_->fail(entry.first, key, "comes twice");
    if (impl_->known.contains(key)) continue;
    std::string list;
    for (const std::string& known : impl_->known) list += (list.empty() ? "" : ", ") + known;
    impl_->fail(entry.first, key, "unknown key; known here: " + list);
  }
}

void YamlReader::fail(const std::string& key, const std::string& what) const {
  impl_->fail(impl_->find(key), key, what);
}

}  // namespace narabi::train
