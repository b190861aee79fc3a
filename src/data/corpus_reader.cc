#include "data/corpus_reader.h"

#include <filesystem>
#include <variant>

#include "base/utf8.h"
#include "data/json_lines.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

CorpusFormat format_of(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  for (const char* packed : {".gz", ".xz", ".zst"}) {
    if (name.extension() == packed) name = name.stem();
  }
  if (name.extension() == ".tsv") return CorpusFormat::kTsv;
  if (name.extension() == ".txt") return CorpusFormat::kPlain;
  return CorpusFormat::kJson;
}

}  // namespace

struct CorpusReader::Impl {
  CorpusFormat format;
  std::string name;
  std::variant<JsonLines, base::LineReader> lines;
  std::string line;
  std::int64_t count = 0;
  bool first = true;

  bool next_json(CorpusDocument& document) {
    auto& json = std::get<JsonLines>(lines);
    if (!json.next()) return false;
    const auto id = json.id();
    if (!id)
      throw InvalidFormat(json.where() + ": expected the key \"id\" (or \"_id\", \"docid\")");
    if (id->empty()) throw InvalidFormat(json.where() + ": \"id\": expected text, found nothing");
    document.id = *id;
    document.title = json.has("title") ? json.text("title") : "";
    document.text = json.text("text");
    document.metadata = json.without({"id", "_id", "docid", "title", "text"});
    return true;
  }

  bool next_line(CorpusDocument& document) {
    auto& reader = std::get<base::LineReader>(lines);
    do {
      if (!reader.next(line)) return false;
    } while (base::is_blank(line));
    document.title.clear();
    document.metadata.clear();
    if (format == CorpusFormat::kPlain) {
      document.id = name + ":" + std::to_string(reader.line_number());
      document.text = line;
      return true;
    }
    const bool header = first && line.starts_with("id\ttext");
    first = false;
    if (header) return next_line(document);
    split_tsv(document, reader.where());
    return true;
  }

  void split_tsv(CorpusDocument& document, const std::string& where) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos || tab == 0) {
      throw InvalidFormat(where + ": expected id<TAB>text, found " +
                          std::string(base::utf8_prefix(line, 60)));
    }
    const std::size_t second = line.find('\t', tab + 1);
    document.id = line.substr(0, tab);
    document.text = line.substr(tab + 1, second == std::string::npos ? second : second - tab - 1);
    if (second != std::string::npos)
      document.title = line.substr(second + 1, line.find('\t', second + 1) - second - 1);
  }
};

CorpusReader::CorpusReader(const std::string& path, CorpusFormat format,
                           base::InvalidUtf8 invalid) {
  if (format == CorpusFormat::kAuto) format = format_of(path);
  std::string name = path == "-" ? "stdin" : std::filesystem::path(path).filename().string();
  if (format == CorpusFormat::kJson) {
    impl_.reset(new Impl{format, std::move(name), JsonLines(path, invalid), {}});
  } else {
    impl_.reset(new Impl{format, std::move(name), base::LineReader(path, invalid), {}});
  }
}

CorpusReader::~CorpusReader() = default;

bool CorpusReader::next(CorpusDocument& document) {
  const bool found = impl_->format == CorpusFormat::kJson ? impl_->next_json(document)
                                                          : impl_->next_line(document);
  if (found) ++impl_->count;
  return found;
}

std::int64_t CorpusReader::lines() const {
  return impl_->count;
}

}  // namespace narabi::data
