// Every command registers itself: its options, its help with examples, and what it runs. What a
// command's file keeps to itself stands in a namespace of its own, x_command, so that several files
// can be compiled as one (NARABI_UNITY).
#pragma once

#include <CLI/CLI.hpp>

namespace narabi::cli {

void add_score(CLI::App& app);
void add_rerank(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_embed(CLI::App& app);
void add_inspect(CLI::App& app);
void add_index(CLI::App& app);
void add_search(CLI::App& app);
void add_eval(CLI::App& app);
void add_reproduce(CLI::App& app);
void add_serve(CLI::App& app);
void add_mine(CLI::App& app);
void add_train(CLI::App& app);
void add_distill(CLI::App& app);
void add_tune_domain(CLI::App& app);
void add_average(CLI::App& app);
void add_deepen(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_bench(CLI::App& app);
void add_quantize(CLI::App& app);

}  // namespace narabi::cli
