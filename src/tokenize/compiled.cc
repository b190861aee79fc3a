#include "tokenize/compiled.h"

#include <array>
#include <cstring>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/paths.h"
#include "narabi/error.h"
#include "tokenize/bert_vocabulary.h"
#include "tokenize/tokenizer_config.h"
#include "tokenize/tokenizer_json.h"

namespace narabi::tokenize {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'N', 'A', 'R', 'A', 'B', 'I', 'T', 'K'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kCacheBytes = 16 << 20;

struct FileSection {
  std::uint64_t offset = 0, bytes = 0;
};

enum Sections { kSkeleton, kPieces, kContinuations, kScores, kIds, kSections };
constexpr const char* kSectionNames[kSections] = {"skeleton", "pieces", "continuations", "scores",
                                                  "ids"};

struct Header {
  char magic[8];
  std::uint32_t version, bytes;
  std::uint64_t checksum;  // of what follows
  std::uint64_t source, source_checksum;
  FileSection sections[kSections];
};
static_assert(sizeof(Header) == 40 + 16 * kSections);
static_assert(sizeof(PieceTrie::Edge) == 16);

const char* name_of(CompiledTokenizer::Source source) {
  return source == CompiledTokenizer::Source::kVocabTxt ? "vocab.txt" : "tokenizer.json";
}

template <typename T>
std::span<const T> elements(const base::MappedFile& file, const Header& header, Sections section) {
  const auto [offset, bytes] = header.sections[section];
  const std::string where = file.path() + ": section " + kSectionNames[section];
  const std::size_t size = file.bytes().size();
  if (offset > size || bytes > size - offset) {
    throw InvalidFormat(where + ": expected it within the file's " + std::to_string(size) +
                        " bytes, found " + std::to_string(bytes) + " bytes at " +
                        std::to_string(offset));
  }
  if (offset % kAlignment != 0 || bytes % sizeof(T) != 0) {
    throw InvalidFormat(where + ": expected whole elements of " + std::to_string(sizeof(T)) +
                        " bytes at a multiple of 64, found " + std::to_string(bytes) +
                        " bytes at " + std::to_string(offset));
  }
  return {reinterpret_cast<const T*>(file.bytes().data() + offset), bytes / sizeof(T)};
}

Header read_header(const base::MappedFile& file) {
  const auto fail = [&](const std::string& what) {
    throw InvalidFormat(file.path() + ": " + what +
                        "; `narabi quantize DIR --output DIR2` writes the file again");
  };
  Header header;
  if (file.bytes().size() < sizeof header)
    fail("expected a compiled tokenizer, found " + std::to_string(file.bytes().size()) + " bytes");
  std::memcpy(&header, file.bytes().data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    fail("magic: expected a compiled tokenizer, found something else");
  if (header.version != kVersion || header.bytes != sizeof header) {
    fail("version: expected " + std::to_string(kVersion) + ", found " +
         std::to_string(header.version) + " with a header of " + std::to_string(header.bytes) +
         " bytes");
  }
  constexpr std::size_t kCovered = offsetof(Header, checksum) + sizeof header.checksum;
  const std::uint64_t found = base::checksum(file.bytes().subspan(kCovered));
  if (found != header.checksum) {
    fail("checksum: expected " + base::checksum_text(header.checksum) + ", found " +
         base::checksum_text(found));
  }
  if (header.source != 1 && header.source != 2)
    fail("source: expected 1 or 2, found " + std::to_string(header.source));
  return header;
}

struct Parts {
  CompiledTokenizer::Source source;
  std::uint64_t source_checksum;
  std::string_view skeleton;
  const Model& model;
};

// A small trie lies in the caches, where a fuller one would only mean longer walks (a quarter
// slower at 16,000 pieces); a large one (XLM-RoBERTa's: 32 MB) is as fast in half the memory.
std::vector<PieceTrie::Edge> compacted(std::span<const PieceTrie::Edge> edges) {
  if (edges.size_bytes() <= kCacheBytes) return {edges.begin(), edges.end()};
  return PieceTrie::compact(edges, 2.0 / 3);
}

void write(const std::string& path, const Parts& parts) {
  const VocabularyTables tables = parts.model.tables();
  const std::vector<PieceTrie::Edge> pieces = compacted(tables.pieces),
                                     continuations = compacted(tables.continuations);
  const std::array<std::span<const std::byte>, kSections> contents = {
      std::as_bytes(std::span(parts.skeleton)), std::as_bytes(std::span(pieces)),
      std::as_bytes(std::span(continuations)), std::as_bytes(tables.scores),
      std::as_bytes(tables.ids)};
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.bytes = sizeof header;
  header.source = static_cast<std::uint64_t>(parts.source);
  header.source_checksum = parts.source_checksum;
  std::string file(sizeof header, '\0');
  for (std::size_t i = 0; i < kSections; ++i) {
    file.resize((file.size() + kAlignment - 1) / kAlignment * kAlignment);
    header.sections[i] = {file.size(), contents[i].size()};
    file.append(reinterpret_cast<const char*>(contents[i].data()), contents[i].size());
  }
  std::memcpy(file.data(), &header, sizeof header);
  constexpr std::size_t kCovered = offsetof(Header, checksum) + sizeof header.checksum;
  header.checksum = base::checksum(std::as_bytes(std::span(file)).subspan(kCovered));
  std::memcpy(file.data(), &header, sizeof header);
  base::AtomicFile target(path);
  target.write(file);
  target.commit();
}

}  // namespace

CompiledTokenizer::CompiledTokenizer(const std::string& path) : file_(path) {
  const Header header = read_header(file_);
  source_ = static_cast<Source>(header.source);
  source_checksum_ = header.source_checksum;
  const auto text = elements<char>(file_, header, kSkeleton);
  skeleton_ = {text.data(), text.size()};
  tables_.pieces = elements<PieceTrie::Edge>(file_, header, kPieces);
  tables_.continuations = elements<PieceTrie::Edge>(file_, header, kContinuations);
  tables_.scores = elements<double>(file_, header, kScores);
  tables_.ids = elements<std::int32_t>(file_, header, kIds);
}

std::shared_ptr<const CompiledTokenizer> CompiledTokenizer::find(const std::string& folder) {
  const fs::path path = fs::path(folder) / kCompiledFile;
  if (!base::is_file(path)) return nullptr;
  auto compiled = std::make_shared<const CompiledTokenizer>(path.string());
  const fs::path source = fs::path(folder) / name_of(compiled->source());
  if (base::is_file(source) && base::file_checksum(source.string()) != compiled->source_checksum_) {
    throw InvalidFormat(path.string() + ": was compiled from another " +
                        name_of(compiled->source()) +
                        " than the one beside it; remove it, or write the folder again with "
                        "`narabi quantize`");
  }
  return compiled;
}

bool compile_tokenizer(const std::string& folder, const std::string& target) {
  const fs::path source(folder), output = fs::path(target) / kCompiledFile;
  const TokenizerConfig config(folder);
  if (!config.is_bert_japanese() && base::is_file(source / "tokenizer.json")) {
    const base::MappedFile file((source / "tokenizer.json").string());
    const JsonParts parts = split_tokenizer_json(file.text(), file.path());
    write(output.string(), {CompiledTokenizer::Source::kTokenizerJson, base::checksum(file.bytes()),
                            parts.skeleton, *parts.model});
    return true;
  }
  const bool sentencepiece =
      !config.is_bert_japanese() && (base::is_file(source / "sentencepiece.bpe.model") ||
                                     base::is_file(source / "tokenizer.model"));
  if (sentencepiece || !base::is_file(source / "vocab.txt")) return false;
  const base::MappedFile file((source / "vocab.txt").string());
  const BertVocabulary vocabulary = read_bert_vocabulary(folder, config, Numbering::kLibrary);
  write(output.string(), {CompiledTokenizer::Source::kVocabTxt, base::checksum(file.bytes()), "",
                          *vocabulary.model});
  return true;
}

}  // namespace narabi::tokenize
