// The example of README.md, against the installed library.
#include <cstdio>
#include <string_view>

#include <narabi/error.h>
#include <narabi/reranker.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const narabi::Reranker reranker(argv[1]);
    const std::string_view passages[] = {"金閣寺は足利義満が建てた。", "東京は日本の首都である。"};
    for (const narabi::Ranked& ranked : reranker.rerank("日本の首都はどこですか", passages)) {
      std::printf("%zu %.4f %s\n", ranked.index, static_cast<double>(ranked.score.logit),
                  passages[ranked.index].data());
    }
  } catch (const narabi::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
