#include "tokenize/pipeline.h"

#include <algorithm>

namespace narabi::tokenize {
namespace {

std::vector<AddedToken> select(const std::vector<AddedToken>& tokens, bool normalized) {
  std::vector<AddedToken> out;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(out),
               [&](const AddedToken& token) { return token.normalized == normalized; });
  return out;
}

// The tokens looked for in normalised text are normalised themselves.
std::vector<AddedToken> normalise(std::vector<AddedToken> tokens, const Normalizer* normalizer) {
  for (AddedToken& token : tokens) {
    if (normalizer != nullptr) normalizer->apply(token.content);
  }
  return tokens;
}

class Pipeline final : public TextTokenizer {
 public:
  explicit Pipeline(PipelineParts parts)
      : parts_(std::move(parts)),
        raw_(select(parts_.added, false)),
        normalized_(normalise(select(parts_.added, true), parts_.normalizer.get())) {
    size_ = parts_.model->vocabulary_size();
    for (const AddedToken& token : parts_.added) size_ = std::max(size_, token.id + 1);
  }

  std::unique_ptr<Worker> worker() const override;
  int vocabulary_size() const override { return size_; }
  std::string description() const override { return parts_.description; }

 private:
  friend class PipelineWorker;

  PipelineParts parts_;
  AddedTokenFinder raw_, normalized_;
  int size_ = 0;
};

class PipelineWorker final : public Worker {
 public:
  explicit PipelineWorker(const Pipeline& pipeline) : pipeline_(pipeline) {}

  void append_ids(std::string_view text, std::vector<std::int32_t>& ids,
                  std::size_t limit) override {
    pipeline_.raw_.split(text, raw_);
    for (const Section& section : raw_) {
      if (section.id >= 0) {
        ids.push_back(section.id);
      } else {
        append_normalised(text.substr(section.begin, section.end - section.begin),
                          section.begin == 0, ids, limit);
      }
      if (ids.size() > limit) return;
    }
  }

 private:
  void append_normalised(std::string_view text, bool at_start, std::vector<std::int32_t>& ids,
                         std::size_t limit) {
    if (pipeline_.parts_.normalizer) {
      normal_ = text;
      at_start = pipeline_.parts_.normalizer->apply(normal_) && at_start;
      text = normal_;
    }
    pipeline_.normalized_.split(text, normalized_);
    for (const Section& section : normalized_) {
      if (section.id >= 0) {
        ids.push_back(section.id);
      } else {
        append_pieces(text.substr(section.begin, section.end - section.begin),
                      at_start && section.begin == 0, ids, limit);
      }
      if (ids.size() > limit) return;
    }
  }

  void append_pieces(std::string_view text, bool at_start, std::vector<std::int32_t>& ids,
                     std::size_t limit) {
    pieces_.start(text, at_start);
    if (pipeline_.parts_.pre_tokenizer) pipeline_.parts_.pre_tokenizer->apply(pieces_);
    for (const Piece& piece : pieces_.list) {
      pipeline_.parts_.model->append_ids(pieces_.view(piece), scratch_, ids, limit);
      if (ids.size() > limit) return;
    }
  }

  const Pipeline& pipeline_;
  std::vector<Section> raw_, normalized_;
  std::string normal_;
  Pieces pieces_;
  ModelScratch scratch_;
};

std::unique_ptr<Worker> Pipeline::worker() const {
  return std::make_unique<PipelineWorker>(*this);
}

}  // namespace

std::unique_ptr<TextTokenizer> make_pipeline(PipelineParts parts) {
  return std::make_unique<Pipeline>(std::move(parts));
}

}  // namespace narabi::tokenize
