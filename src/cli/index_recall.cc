#include "cli/index_recall.h"

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/output.h"
#include "narabi/error.h"
#include "narabi/index.h"

namespace narabi::cli {
namespace {

std::string recall_line(const Index::Recall& row) {
  return fmt::format("{:>7} {:>7} {:>10.4f} {:>11.4f} {:>10.2f}", row.nprobe, row.refine,
                     row.recall_10, row.recall_100, row.ms);
}

// The fastest row that finds enough becomes what a search of the index does.
void note_fastest(const RecallOptions& options, const std::vector<Index::Recall>& table,
                  Output& output) {
  const Index::Recall *best = nullptr, *fullest = &table.front();
  for (const Index::Recall& row : table) {
    if (row.recall_100 > fullest->recall_100) fullest = &row;
    if (row.recall_100 >= *options.target && (!best || row.ms < best->ms)) best = &row;
  }
  if (!best) {
    throw InvalidArgument(fmt::format(
        "--recall-target {}: no row of the table finds as much, the most is {:.4f}: use a factory "
        "with more bytes for a vector (a larger PQ, SQ8), or a lower target",
        *options.target, fullest->recall_100));
  }
  IndexWriter(options.folder).note_search(best->nprobe, best->refine);
  JsonLine line;
  line.set_flag("noted", true).set_integer("nprobe", static_cast<std::int64_t>(best->nprobe));
  line.set("refine", best->refine);
  output.line(options.json ? line.text()
                           : fmt::format("{}   noted: searches of this index do so from now on",
                                         recall_line(*best)));
}

}  // namespace

void show_recall(const RecallOptions& options) {
  const auto table = Index(options.folder, options.embedder).check_recall(options.queries);
  Output output("-");
  if (!options.json)
    output.line(fmt::format("{:>7} {:>7} {:>10} {:>11} {:>10}   exact: {:.2f} ms", "nprobe",
                            "refine", "recall@10", "recall@100", "ms/query", table[0].exact_ms));
  for (const Index::Recall& row : table) {
    JsonLine line;
    line.set_integer("nprobe", static_cast<std::int64_t>(row.nprobe)).set("refine", row.refine);
    line.set("recall@10", row.recall_10).set("recall@100", row.recall_100);
    line.set("ms", row.ms).set("exact_ms", row.exact_ms);
    output.line(options.json ? line.text() : recall_line(row));
  }
  if (options.target) note_fastest(options, table, output);
  output.close();
}

}  // namespace narabi::cli
