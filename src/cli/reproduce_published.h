// The figures that others have published for these collections, to stand beside ours.
#pragma once

#include <optional>
#include <string>

namespace narabi::cli {

// Of the collection's first metric, by the last part of a model's folder or a run's name; nothing
// where the article has none for it, or measured it on other candidates (JSQuAD, MIRACL).
std::optional<double> published_figure(const std::string& collection, const std::string& name);

}  // namespace narabi::cli
