#include "data/readers.h"

#include "base/utf8.h"
#include "data/json_lines.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

Passage passage_of(const JsonLines& lines) {
  return {lines.id(), lines.has("title") ? lines.text("title") : "", lines.text("text")};
}

// Remembers where each id was first seen.
class SeenIds {
 public:
  void add(const std::string& id, const std::string& where) {
    const auto [found, fresh] = places_.emplace(id, where);
    if (!fresh) {
      throw InvalidFormat(where + ": the id " + id + " stands at " + found->second + ", too");
    }
  }

 private:
  std::unordered_map<std::string, std::string> places_;
};

[[noreturn]] void nothing_in(const std::string& path, const char* what) {
  throw InvalidFormat((path == "-" ? "stdin" : path) + ": expected " + what + ", found none");
}

// By the first line that is not blank, which stays to be read.
bool are_json(base::LineReader& lines) {
  for (std::string line; lines.next(line);) {
    if (base::is_blank(line)) continue;
    const bool json = line[line.find_first_not_of(" \t")] == '{';
    lines.put_back(std::move(line));
    return json;
  }
  return false;
}

std::vector<Passage> read_plain(base::LineReader lines) {
  std::vector<Passage> passages;
  for (std::string line; lines.next(line);) {
    if (base::is_blank(line)) continue;
    passages.push_back({std::nullopt, "", line});
  }
  return passages;
}

std::vector<Passage> read_json(JsonLines lines) {
  std::vector<Passage> passages;
  SeenIds seen;
  while (lines.next()) {
    passages.push_back(passage_of(lines));
    if (passages.back().id) seen.add(*passages.back().id, lines.where());
  }
  return passages;
}

}  // namespace

std::string model_text(const std::string& title, const std::string& text) {
  return title.empty() ? text : title + " " + text;
}

std::vector<Passage> read_passages(const std::string& path, base::InvalidUtf8 invalid) {
  base::LineReader lines(path, invalid);
  std::vector<Passage> passages =
      are_json(lines) ? read_json(JsonLines(std::move(lines))) : read_plain(std::move(lines));
  if (passages.empty()) nothing_in(path, "passages");
  return passages;
}

std::vector<Passage> read_corpus(const std::vector<std::string>& paths, base::InvalidUtf8 invalid) {
  std::vector<Passage> passages;
  SeenIds seen;
  for (const std::string& path : paths) {
    JsonLines lines(path, invalid);
    while (lines.next()) {
      passages.push_back(passage_of(lines));
      if (!passages.back().id)
        throw InvalidFormat(lines.where() + ": expected the key \"id\" (or \"_id\")");
      seen.add(*passages.back().id, lines.where());
    }
    if (lines.count() == 0) nothing_in(path, "documents");
  }
  return passages;
}

std::vector<Query> read_queries(const std::string& path, base::InvalidUtf8 invalid) {
  std::vector<Query> queries;
  SeenIds seen;
  base::LineReader lines(path, invalid);
  if (are_json(lines)) {
    JsonLines objects(std::move(lines));
    while (objects.next()) {
      const auto id = objects.id();
      if (!id) throw InvalidFormat(objects.where() + ": expected the key \"id\" (or \"_id\")");
      seen.add(*id, objects.where());
      queries.push_back({*id, objects.text("text")});
    }
  } else {
    for (std::string line; lines.next(line);) {
      if (base::is_blank(line)) continue;
      const std::size_t tab = line.find('\t');
      if (tab == std::string::npos || tab == 0) {
        throw InvalidFormat(lines.where() + ": expected id<TAB>text, found " +
                            std::string(base::utf8_prefix(line, 60)));
      }
      seen.add(line.substr(0, tab), lines.where());
      queries.push_back({line.substr(0, tab), line.substr(tab + 1)});
    }
  }
  if (queries.empty()) nothing_in(path, "queries");
  return queries;
}

}  // namespace narabi::data
