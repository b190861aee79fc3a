#include "cli/index_explain.h"

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/output.h"
#include "data/readers.h"
#include "narabi/error.h"
#include "narabi/index.h"
#include "narabi/reranker.h"

namespace narabi::cli {
namespace {

std::string best_id(const Index& index, const std::string& query) {
  SearchOptions one;
  one.candidates = 1;
  const auto hits = index.search(query, one);
  if (hits.empty()) throw InvalidArgument("no document matches the query: " + query);
  return hits[0].document.id;
}

void write_terms(const std::vector<Index::Explanation>& parts, const std::string& id, bool json,
                 Output& output) {
  double total = 0;
  for (const auto& part : parts) total += part.score;
  if (!json) {
    output.line(fmt::format("{}: BM25 {:.4f}", id, total));
    output.line(fmt::format("{:>9}  {:<7} {:>8} {:>11} {:>10}  {}", "score", "kind", "in query",
                            "in document", "documents", "term"));
  }
  for (const auto& part : parts) {
    JsonLine line;
    line.set("id", id)
        .set("term", part.term)
        .set("kind", std::string_view(part.word ? "word" : "gram"));
    line.set_integer("in_query", part.in_query).set_integer("in_document", part.in_document);
    line.set_integer("documents", static_cast<std::int64_t>(part.documents))
        .set("score", part.score);
    output.line(json ? line.text()
                     : fmt::format("{:>9.4f}  {:<7} {:>8} {:>11} {:>10}  {}", part.score,
                                   part.word ? "word" : "gram", part.in_query, part.in_document,
                                   part.documents, part.term));
  }
}

// rank 0: the arm's first candidates do not hold the document.
void write_arm(const std::string& id, const std::string& arm, std::uint32_t rank, double score,
               std::size_t candidates, bool json, Output& output) {
  if (json) {
    JsonLine line;
    line.set("id", id).set("arm", arm);
    if (rank > 0) line.set_integer("rank", rank).set("score", score);
    output.line(line.text());
  } else if (rank > 0) {
    output.line(fmt::format("{:<9}  rank {:>4}  score {:.4f}", arm, rank, score));
  } else {
    output.line(fmt::format("{:<9}  not among the first {}", arm, candidates));
  }
}

void write_arms(const Index& index, const ExplainOptions& options, const std::string& id,
                Output& output) {
  SearchOptions search;
  const bool vectors = !index.info().embedder.empty();
  if (vectors) search.retriever = Retriever::kHybrid;
  Index::Hit found;
  std::uint32_t rank = 0, position = 0;
  for (const Index::Hit& hit : index.search(options.query, search)) {
    ++position;
    if (hit.document.id != id) continue;
    found = hit;
    rank = position;
  }
  write_arm(id, "bm25", found.bm25_rank, found.bm25, search.candidates, options.json, output);
  if (!vectors) return;
  write_arm(id, "dense", found.dense_rank, found.dense, search.candidates, options.json, output);
  write_arm(id, "fused", rank, found.score, search.candidates, options.json, output);
}

void write_reranker(const Index& index, const ExplainOptions& options, const std::string& id,
                    Output& output) {
  const auto document = index.get(id);
  const std::string text = data::model_text(document->title, document->text);
  const Pair pair{options.query, text};
  const Score score = Reranker(options.model).score({&pair, 1})[0];
  if (options.json) {
    JsonLine line;
    line.set("id", id).set("arm", std::string_view("reranker"));
    line.set("logit", score.logit).set("score", score.score).set_integer("tokens", score.tokens);
    output.line(line.set_flag("truncated", score.truncated).text());
  } else {
    output.line(fmt::format("reranker   logit {:.4f}  score {:.4f}  {} tokens{}", score.logit,
                            score.score, score.tokens, score.truncated ? ", truncated" : ""));
  }
}

}  // namespace

void explain_document(const ExplainOptions& options) {
  const Index index(options.folder, options.embedder);
  const std::string id = options.id.empty() ? best_id(index, options.query) : options.id;
  const auto parts = index.explain(options.query, id);
  if (!parts) throw InvalidArgument(options.folder + ": there is no document with the id " + id);
  Output output("-");
  write_terms(*parts, id, options.json, output);
  if (!index.info().embedder.empty() || !options.model.empty())
    write_arms(index, options, id, output);
  if (!options.model.empty()) write_reranker(index, options, id, output);
  output.close();
}

}  // namespace narabi::cli
