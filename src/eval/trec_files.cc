// Qrels and runs: the files of TREC, and BEIR's qrels.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "narabi/error.h"
#include "narabi/evaluation.h"

namespace narabi {
namespace {

std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> out;
  constexpr std::string_view kSpace = " \t";
  for (std::size_t begin = line.find_first_not_of(kSpace); begin != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kSpace, end);
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Between tabs: BEIR's ids may hold spaces.
std::vector<std::string_view> tab_columns(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    out.push_back(trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
  return out;
}

// BEIR's three columns, or TREC's four; `beir`: after BEIR's header.
std::vector<std::string_view> qrels_columns(std::string_view line, bool beir,
                                            const std::string& where) {
  const std::vector<std::string_view> tabbed = tab_columns(trimmed(line));
  const bool by_tabs = tabbed.size() == 3 || (beir && tabbed.size() > 1);
  const std::vector<std::string_view> fields = by_tabs ? tabbed : columns(line);
  const bool empty = std::find(fields.begin(), fields.end(), std::string_view()) != fields.end();
  if (!empty && (fields.size() == 3 || (fields.size() == 4 && !beir))) return fields;
  throw InvalidFormat(where + ": expected " +
                      (beir ? "the three columns of BEIR's header"
                            : "\"query 0 document relevance\" or BEIR's three columns") +
                      ", found " +
                      (empty ? "an empty one" : std::to_string(fields.size()) + " columns"));
}

template <typename Number>
Number parse(std::string_view text, const std::string& where, const char* what) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = error == std::errc() && end == text.data() + text.size();
  if constexpr (std::is_floating_point_v<Number>) good = good && !std::isnan(value);
  if (!good) throw InvalidFormat(where + ": expected " + what + ", found " + std::string(text));
  return value;
}

void check_column(const char* what, const std::string& text) {
  if (!text.empty() && text.find_first_of(" \t\n\v\f\r") == std::string::npos) return;
  throw InvalidArgument(std::string("a column of a run: expected a ") + what +
                        " without white space, found \"" + text + "\"");
}

struct RunLine {
  std::string document;
  double score;
  long rank;
};

}  // namespace

Qrels read_qrels(const std::string& path) {
  Qrels qrels;
  base::LineReader lines(path);
  bool beir = false;
  for (std::string line; lines.next(line);) {
    if (base::is_blank(line)) continue;
    if (lines.line_number() == 1 && columns(line).size() == 3 && columns(line)[0] == "query-id") {
      beir = true;  // its header
      continue;
    }
    const auto fields = qrels_columns(line, beir, lines.where());
    const std::string document(fields[fields.size() - 2]);
    const int relevance = parse<int>(fields.back(), lines.where(), "a whole number as relevance");
    if (!qrels[std::string(fields[0])].emplace(document, relevance).second) {
      throw InvalidFormat(lines.where() + ": document " + document + " is judged twice for query " +
                          std::string(fields[0]));
    }
  }
  if (qrels.empty()) throw InvalidFormat(path + ": expected judgements, found none");
  return qrels;
}

Run read_run(const std::string& path) {
  std::map<std::string, std::vector<RunLine>> read;
  std::map<std::string, std::unordered_set<std::string>> seen;
  base::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    const auto fields = columns(line);
    if (fields.empty()) continue;
    if (fields.size() != 6) {
      throw InvalidFormat(
          lines.where() +
          ": expected the six columns \"query Q0 document rank score tag\", found " +
          std::to_string(fields.size()));
    }
    const std::string query(fields[0]), document(fields[2]);
    if (!seen[query].insert(document).second) {
      throw InvalidFormat(lines.where() + ": document " + document + " stands twice under query " +
                          query);
    }
    read[query].push_back({document, parse<double>(fields[4], lines.where(), "a number as score"),
                           parse<long>(fields[3], lines.where(), "a whole number as rank")});
  }
  if (read.empty()) throw InvalidFormat(path + ": expected a run, found no lines");
  Run run;
  for (auto& [query, entries] : read) {
    std::stable_sort(entries.begin(), entries.end(), [](const RunLine& a, const RunLine& b) {
      return a.score != b.score ? a.score > b.score : a.rank < b.rank;
    });
    auto& ranking = run[query];
    for (RunLine& entry : entries) ranking.emplace_back(std::move(entry.document), entry.score);
  }
  return run;
}

std::string run_lines(const std::string& query,
                      const std::vector<std::pair<std::string, double>>& ranking,
                      const std::string& tag) {
  check_column("query id", query);
  check_column("tag", tag);
  std::string text;
  std::size_t rank = 0;
  for (const auto& [document, score] : ranking) {
    check_column("document id", document);
    char number[64];
    const auto end =
        std::to_chars(number, number + sizeof number, score).ptr;  // shortest that reads back
    text += query + " Q0 " + document + " " + std::to_string(++rank) + " " +
            std::string(number, end) + " " + tag + "\n";
  }
  return text;
}

void write_run(const std::string& path, const Run& run, const std::string& tag) {
  base::AtomicFile file(path);
  for (const auto& [query, ranking] : run) file.write(run_lines(query, ranking, tag));
  file.commit();
}

}  // namespace narabi
