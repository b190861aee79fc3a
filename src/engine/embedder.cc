#include "narabi/embedder.h"

#include <algorithm>
#include <climits>
#include <filesystem>
#include <optional>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "base/utf8.h"
#include "checkpoint/safetensors.h"
#include "engine/limits.h"
#include "engine/scorer.h"
#include "engine/sentence_transformers.h"
#include "engine/vector_modules.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"
#include "text/unicode.h"

namespace narabi {
namespace {

constexpr std::size_t kChunk = 4096;  // texts whose token ids are in memory at a time

// StaticEmbedding: the mean of the rows of a table; a text without tokens gives zeros.
class StaticTable {
 public:
  explicit StaticTable(const std::string& folder)
      : file_((std::filesystem::path(folder) / "model.safetensors").string()) {
    const checkpoint::TensorView& table = engine::find_static_table(file_);
    rows_ = static_cast<int>(table.shape[0]);
    width_ = static_cast<std::size_t>(table.shape[1]);
    values_ = checkpoint::to_f32(table, file_.path() + ": tensor " + table.name);
  }
  int rows() const { return rows_; }
  std::size_t width() const { return width_; }

  std::vector<float> mean(std::span<const std::int32_t> ids) const {
    std::vector<float> mean(width_);
    for (const std::int32_t id : ids) {
      const float* row = values_.data() + static_cast<std::size_t>(id) * width_;
      for (std::size_t i = 0; i < width_; ++i) mean[i] += row[i];
    }
    for (std::size_t i = 0; i < width_ && !ids.empty(); ++i)
      mean[i] /= static_cast<float>(ids.size());
    return mean;
  }

 private:
  checkpoint::Safetensors file_;
  int rows_ = 0;
  std::size_t width_ = 0;
  std::vector<float> values_;
};

void require_utf8(std::string_view text) {
  if (const auto offset = base::invalid_utf8_at(text)) {
    throw InvalidArgument("text: invalid UTF-8 at byte " + std::to_string(*offset));
  }
}

// Without the white space at both ends (Python's str.strip()), as sentence-transformers'
// Transformer hands texts on; StaticEmbedding does not.
std::string stripped(const std::string& text) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t at = offset;
    const char32_t c = base::next_code_point(text, offset);
    if (text::is_white_space(c) || (c >= 0x1C && c <= 0x1F)) continue;
    begin = std::min(begin, at);
    end = offset;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string();
}

}  // namespace

struct Embedder::Impl {
  engine::EmbedderLayout layout;
  Tokenizer tokenizer;
  std::unique_ptr<engine::VectorScorer> scorer;  // null for a static table
  std::optional<StaticTable> table;
  std::optional<engine::VectorModules> modules;
  int max_length = 0;
  mutable base::ThreadPool pool;

  Impl(const std::string& folder, const ModelOptions& options, const Prompts& prompts)
      : layout(engine::read_layout(folder)),
        tokenizer(layout.encoder),
        pool(options.threads > 0 ? options.threads : base::available_cores()) {
    for (const auto& [name, text] : prompts) layout.prompts[name] = text;
    if (layout.is_static) {
      table.emplace(layout.encoder);
      max_length = static_cast<int>(std::min<std::size_t>(layout.static_ids.value_or(0), INT_MAX));
      engine::require_vocabulary(layout.encoder, tokenizer.vocabulary_size(), table->rows());
      modules.emplace(layout, table->width());
      return;
    }
    scorer = std::make_unique<engine::VectorScorer>(layout.encoder, layout.pooling, options);
    modules.emplace(layout, static_cast<std::size_t>(scorer->dimension()));
    engine::require_vocabulary(layout.encoder, tokenizer.vocabulary_size(),
                               scorer->vocabulary_size());
    // The folder may name more than its model has, as the reference allows; the caller may not.
    const int positions = scorer->max_positions();
    const int own = std::min(layout.max_length, positions);
    max_length = engine::choose_max_length(
        layout.encoder, options.max_length != 0 ? options.max_length : own, positions, positions);
    // Throws when the special tokens do not fit; a template may name ids of its own.
    for (const std::int32_t id : tokenizer.encode("", max_length).input_ids)
      engine::require_vocabulary(layout.encoder, id + 1, scorer->vocabulary_size());
  }

  std::size_t width() const { return modules->width(); }

  const std::string& prompt_of(std::string_view name) const {
    if (name.empty()) return layout.default_prompt;
    const auto found = layout.prompts.find(std::string(name));
    if (found != layout.prompts.end()) return found->second;
    std::string names;
    for (const auto& [known, text] : layout.prompts) names += (names.empty() ? "" : ", ") + known;
    throw InvalidArgument("prompt: expected one that the folder names (" +
                          (names.empty() ? "it names none" : names) + "), found " +
                          std::string(name) + "; other ones by --query-prompt, --document-prompt");
  }

  Encoding encode_static(const std::string& text) const {
    Encoding encoding = tokenizer.encode_plain(text);
    encoding.truncated = layout.static_ids && encoding.input_ids.size() > *layout.static_ids;
    if (encoding.truncated) encoding.input_ids.resize(*layout.static_ids);
    return encoding;
  }

  void embed_chunk(std::span<const std::string_view> texts, const std::string& prompt, float* out,
                   std::vector<bool>* truncated) const {
    const auto finish = [&](std::size_t i, std::vector<float> pooled) {
      const std::vector<float> vector = (*modules)(std::move(pooled));
      std::copy(vector.begin(), vector.end(), out + i * width());
    };
    std::vector<Encoding> encodings(texts.size());
    for (const std::string_view text : texts) require_utf8(text);
    pool.parallel_for(texts.size(), [&](std::size_t i, int) {
      const std::string text = prompt + std::string(texts[i]);
      if (table) {
        const Encoding encoding = encode_static(text);
        finish(i, table->mean(encoding.input_ids));
        encodings[i].truncated = encoding.truncated;
      } else {
        const std::string bare = stripped(text);
        encodings[i] = tokenizer.encode(layout.lowercase ? text::lower(bare) : bare, max_length);
      }
    });
    if (!table) {
      const std::vector<float> vectors = scorer->vectors(encodings);
      const auto pooled = static_cast<std::size_t>(scorer->dimension());
      pool.parallel_for(texts.size(), [&](std::size_t i, int) {
        const float* row = vectors.data() + i * pooled;
        finish(i, {row, row + pooled});
      });
    }
    for (std::size_t i = 0; truncated != nullptr && i < texts.size(); ++i)
      truncated->push_back(encodings[i].truncated);
  }
};

Embedder::Embedder(const std::string& folder, const ModelOptions& options, const Prompts& prompts)
    : impl_(std::make_unique<Impl>(folder, options, prompts)) {}
Embedder::~Embedder() = default;
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;

int Embedder::dimension() const {
  return static_cast<int>(impl_->width());
}

int Embedder::max_length() const {
  return impl_->max_length;
}

std::string Embedder::prompt(std::string_view name) const {
  const auto found = impl_->layout.prompts.find(std::string(name));
  return found == impl_->layout.prompts.end() ? std::string() : found->second;
}

bool Embedder::names_prompt(std::string_view name) const {
  return impl_->layout.prompts.contains(std::string(name));
}

std::vector<float> Embedder::embed(std::span<const std::string_view> texts,
                                   std::string_view prompt_name,
                                   std::vector<bool>* truncated) const {
  if (truncated != nullptr) truncated->clear();
  const std::string& prompt = impl_->prompt_of(prompt_name);
  std::vector<float> vectors(texts.size() * impl_->width());
  for (std::size_t begin = 0; begin < texts.size(); begin += kChunk) {
    const auto part = texts.subspan(begin, std::min(kChunk, texts.size() - begin));
    impl_->embed_chunk(part, prompt, vectors.data() + begin * impl_->width(), truncated);
  }
  return vectors;
}

}  // namespace narabi
