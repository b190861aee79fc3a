#include "eval/quality_plot.h"

#include <gtest/gtest.h>

#include <regex>

namespace narabi::eval {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(QualityPlot, HasALineARerankerAndAPointADepth) {
  const QualityPlot plot{.title = "jsquad",
                         .metric = "ndcg@10",
                         .series = {{"small", {{3, .93, "10"}, {6, .94, "20"}, {30, .95, "100"}}},
                                    {"large", {{30, .95, "10"}, {300, .97, "100"}}}},
                         .levels = {{"BM25", .92}}};
  const std::string svg = to_svg(plot);
  EXPECT_EQ(count(svg, "<polyline"), 2u);
  EXPECT_EQ(count(svg, "<circle"), 5u);
  EXPECT_EQ(count(svg, "stroke-dasharray"), 2u);  // in the plot and in its legend
  for (const char* part : {">jsquad<", ">ndcg@10<", ">small<", ">large<", ">BM25<", ">20<"})
    EXPECT_NE(svg.find(part), std::string::npos) << part;
}

TEST(QualityPlot, BetterIsHigherAndSlowerIsFurtherRight) {
  const std::string svg = to_svg(
      {.title = "", .metric = "m", .series = {{"s", {{1, .5, ""}, {10, .9, ""}}}}, .levels = {}});
  std::smatch found;
  ASSERT_TRUE(std::regex_search(svg, found,
                                std::regex("points=\"([0-9.]+),([0-9.]+) ([0-9.]+),([0-9.]+) \"")));
  EXPECT_LT(std::stod(found[1]), std::stod(found[3]));
  EXPECT_GT(std::stod(found[2]), std::stod(found[4]));
}

TEST(QualityPlot, NamesCannotBreakOutAndOnePointOrNoneIsAPlot) {
  const QualityPlot plot{
      .title = "<script>&\"", .metric = "m", .series = {{"a<b", {{1, .5, "10"}}}}, .levels = {}};
  const std::string svg = to_svg(plot);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_NE(svg.find("a&lt;b"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(to_svg({}).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace narabi::eval
