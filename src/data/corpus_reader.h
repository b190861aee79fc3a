// A corpus as a stream of documents, in the layouts that collections come in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/line_reader.h"

namespace narabi::data {

enum class CorpusFormat {
  kAuto,   // by the name (.tsv, .txt; before .gz, .xz, .zst), else JSON lines
  kJson,   // JSON lines {"id" | "_id" | "docid", "title"?, "text", anything else: metadata}: our
           // own, BEIR's, MIRACL's, Wikipedia passages'
  kTsv,    // id<TAB>text[<TAB>title], with or without a header line (DPR's psgs_w100.tsv has one)
  kPlain,  // one passage a line; its id is FILE:LINE
};

struct CorpusDocument {
  std::string id, title, text;
  std::string metadata;  // a JSON object, or empty
};

// Streams one file ("-": standard input); memory is bounded by the longest line.
class CorpusReader {
 public:
  CorpusReader(const std::string& path, CorpusFormat format, base::InvalidUtf8 invalid);
  ~CorpusReader();

  // False at the end. Throws InvalidFormat for a bad line, naming file, line and why; the next call
  // goes on with the line after it.
  bool next(CorpusDocument& document);
  std::int64_t lines() const;  // read so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::data
