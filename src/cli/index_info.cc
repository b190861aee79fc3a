#include "cli/index_info.h"

#include <fmt/format.h>

#include <string_view>

#include "cli/json.h"
#include "cli/output.h"
#include "narabi/index.h"

namespace narabi::cli {

void show_info(const std::string& folder, bool json) {
  const IndexInfo info = Index(folder).info();
  const IndexSettings& settings = info.settings;
  Output output("-");
  const auto integer = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  const auto prompt = [&](const char* name) {
    const auto found = info.prompts.find(name);
    return found == info.prompts.end() ? std::string_view() : std::string_view(found->second);
  };
  if (json) {
    JsonLine line;
    line.set_integer("documents", integer(info.documents))
        .set_integer("segments", integer(info.segments))
        .set_integer("bytes", integer(info.bytes))
        .set("embedder", info.embedder)
        .set("query_prompt", prompt("query"))
        .set("document_prompt", prompt("document"))
        .set("dense", info.dense)
        .set_integer("dimension", info.dimension)
        .set_integer("nprobe", integer(info.nprobe))
        .set("refine", info.refine)
        .set_integer("vectors", integer(info.vectors))
        .set_integer("approximate", integer(info.approximate))
        .set_integer("deleted", integer(info.deleted))
        .set_integer("generation", integer(info.generation))
        .set_flag("words", settings.words)
        .set_flag("bigrams", settings.bigrams)
        .set_integer("title_weight", settings.title_weight)
        .set("k1", settings.k1)
        .set("b", settings.b)
        .set("dictionary", info.dictionary);
    output.line(line.text());
  } else {
    output.line(fmt::format("documents   {}", info.documents));
    output.line(fmt::format("deleted     {} (until compact)", info.deleted));
    output.line(fmt::format("segments    {}", info.segments));
    output.line(fmt::format("bytes       {} ({:.1f} MB)", info.bytes, double(info.bytes) / 1e6));
    output.line(fmt::format("generation  {}", info.generation));
    output.line(fmt::format("terms       {}{}{}", settings.words ? "words" : "",
                            settings.words && settings.bigrams ? " + " : "",
                            settings.bigrams ? "characters and pairs" : ""));
    output.line(fmt::format("BM25        k1 {}, b {}, title weight {}", settings.k1, settings.b,
                            settings.title_weight));
    if (settings.words) output.line("dictionary  " + info.dictionary);
    if (!info.embedder.empty()) {
      output.line(fmt::format("embedder    {} ({} dimensions)", info.embedder, info.dimension));
      for (const auto& [name, text] : info.prompts)
        output.line(fmt::format("{:<11} \"{}\" in front", name, text));
      output.line(fmt::format("vectors     {}, {} of them in {}", info.vectors, info.approximate,
                              info.dense));
      if (info.nprobe > 0)
        output.line(fmt::format("searched    with nprobe {}, refine {}", info.nprobe, info.refine));
    }
  }
  output.close();
}

}  // namespace narabi::cli
