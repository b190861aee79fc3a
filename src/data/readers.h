// The inputs of the commands: passages, corpora, queries.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/line_reader.h"

namespace narabi::data {

struct Passage {
  std::optional<std::string> id;
  std::string title;  // may be empty
  std::string text;
};

struct Query {
  std::string id;
  std::string text;
};

// What a model reads of a passage: "title text", or the text alone.
std::string model_text(const std::string& title, const std::string& text);

// A file is read once, from its start to its end: "-" (standard input) and pipes will do. Where two
// layouts are possible, the first line that is not blank decides, and every other line has to be of
// the same kind.

// One passage a line, or JSON lines {"id"?, "title"?, "text"}. Throws InvalidFormat, also for a
// file without passages.
std::vector<Passage> read_passages(const std::string& path,
                                   base::InvalidUtf8 invalid = base::InvalidUtf8::kReject);

// JSON lines {"id" or "_id", "title"?, "text"}; an id that comes twice is an error that names both
// places.
std::vector<Passage> read_corpus(const std::vector<std::string>& paths,
                                 base::InvalidUtf8 invalid = base::InvalidUtf8::kReject);

// TSV "id<TAB>text" or JSON lines {"id", "text"}.
std::vector<Query> read_queries(const std::string& path,
                                base::InvalidUtf8 invalid = base::InvalidUtf8::kReject);

}  // namespace narabi::data
