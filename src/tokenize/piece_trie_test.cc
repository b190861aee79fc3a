#include "tokenize/piece_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "base/utf8.h"

namespace narabi::tokenize {
namespace {

std::vector<std::string> random_pieces(std::size_t count) {
  const std::u32string alphabet = U"aあ漢ー\u3099𠮷é";
  std::mt19937 random(1);
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < count; ++i) {
    std::u32string piece;
    for (std::size_t length = 1 + random() % 6; length > 0; --length)
      piece += alphabet[random() % alphabet.size()];
    pieces.push_back(base::to_utf8(piece));
  }
  return pieces;
}

TEST(PieceTrie, finds_every_piece_that_begins_a_text_and_no_other) {
  const std::vector<std::string> pieces = random_pieces(5000);
  std::map<std::string, std::int32_t> last;
  for (std::size_t i = 0; i < pieces.size(); ++i) last[pieces[i]] = static_cast<std::int32_t>(i);
  const PieceTrie trie({pieces.begin(), pieces.end()});
  for (const std::string& text : random_pieces(7000)) {
    PieceTrie::Place place;
    bool walking = true;
    for (std::size_t offset = 0; offset < text.size();) {
      const char32_t c = base::next_code_point(text, offset);
      walking = walking && trie.step(place, c);
      const auto found = last.find(text.substr(0, offset));
      EXPECT_EQ(walking ? place.piece : PieceTrie::kNone,
                found == last.end() ? PieceTrie::kNone : found->second);
    }
    const auto whole = last.find(text);
    EXPECT_EQ(trie.find(text), whole == last.end() ? PieceTrie::kNone : whole->second);
  }
}

TEST(PieceTrie, leaves_out_pieces_that_no_text_holds) {
  const PieceTrie trie({"", "\xFF", "a\xE3\x81", "b"});
  EXPECT_EQ(trie.find(""), PieceTrie::kNone);
  EXPECT_EQ(trie.find("a"), PieceTrie::kNone);
  EXPECT_EQ(trie.find("b"), 3);
}

TEST(PieceTrie, walks_alike_over_compacted_edges) {
  const std::vector<std::string> pieces = random_pieces(5000);
  const PieceTrie trie({pieces.begin(), pieces.end()});
  const std::vector<PieceTrie::Edge> edges = PieceTrie::compact(trie.edges());
  EXPECT_LT(edges.size(), trie.edges().size());
  const PieceTrie compact(edges, 5000, "edges");
  for (const std::string& text : random_pieces(7000))
    EXPECT_EQ(compact.find(text), trie.find(text));
}

}  // namespace
}  // namespace narabi::tokenize
