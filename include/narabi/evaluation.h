// Rankings judged by relevance judgements, with the definitions of ranx and trec_eval's names.
//
//   DCG@k  = sum over the first k of rel / log2(rank + 1), linear gain;
//   nDCG@k = DCG@k / DCG@k of the ideal order of all judged positives of the query
//   MRR@k  = 1 / rank of the first positive in the first k, else 0
//   MAP@k  = sum over positives in the first k of precision at their rank / number of all positives
//   recall@k = positives in the first k / all positives;  hit@k = 1 if any positive is in the first
//   k
// All are means over the queries that are in both run and qrels.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace narabi {

// query id -> document id -> relevance (> 0: relevant)
using Qrels = std::map<std::string, std::map<std::string, int>>;

// query id -> (document id, score), best first. Order of a file's lines: by score descending; equal
// scores by the rank column ascending, then by line order, so that a run means the same everywhere.
using Run = std::map<std::string, std::vector<std::pair<std::string, double>>>;

// TREC qrels ("qid 0 docid rel") or BEIR's tsv with a header; .gz, .xz, .zst are read as they are.
// Columns are parted by white space; those of a line with two tabs, as BEIR's, by the tabs alone,
// so that ids may hold spaces.
Qrels read_qrels(const std::string& path);
// TREC runs, six columns.
Run read_run(const std::string& path);
// Throws InvalidArgument for an id or a tag that would not come back as one column: one that is
// empty, or holds white space.
void write_run(const std::string& path, const Run& run, const std::string& tag);
// The lines of one query, for a run that is written while it comes. Throws as write_run() does.
std::string run_lines(const std::string& query,
                      const std::vector<std::pair<std::string, double>>& ranking,
                      const std::string& tag);

// `metric`: "ndcg@10", "mrr@10", "map@10", "recall@100", "hit@10". Throws InvalidArgument
// otherwise.
double evaluate(const Qrels& qrels, const Run& run, const std::string& metric);
std::map<std::string, double> evaluate_per_query(const Qrels& qrels, const Run& run,
                                                 const std::string& metric);

}  // namespace narabi
