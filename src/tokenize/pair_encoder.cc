#include "tokenize/pair_encoder.h"

#include <algorithm>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::tokenize {
namespace {

struct Lengths {
  std::size_t first = 0, second = 0;
};

std::size_t special_count(const std::vector<TemplatePiece>& pieces) {
  return static_cast<std::size_t>(std::count_if(
      pieces.begin(), pieces.end(),
      [](const TemplatePiece& piece) { return piece.kind == TemplatePiece::Kind::kSpecial; }));
}

// Tokens that are left for the texts.
std::size_t room_for(const std::vector<TemplatePiece>& pieces, int max_length) {
  const std::size_t specials = special_count(pieces);
  if (max_length < 0 || static_cast<std::size_t>(max_length) < specials) {
    throw InvalidArgument("max_length: expected at least " + std::to_string(specials) +
                          " (the special tokens), found " + std::to_string(max_length));
  }
  return static_cast<std::size_t>(max_length) - specials;
}

// truncate_encodings() of the tokenizers library: the shorter side is kept when the longer one can
// give way.
Lengths longest_first_fast(Lengths lengths, std::size_t room) {
  const bool swapped = lengths.first > lengths.second;
  std::size_t shorter = std::min(lengths.first, lengths.second);
  std::size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  return swapped ? Lengths{longer, shorter} : Lengths{shorter, longer};
}

// truncate_sequences() of the Python tokenizers: one token at a time from the longer side.
Lengths longest_first_slow(Lengths lengths, std::size_t room) {
  while (lengths.first + lengths.second > room) {
    if (lengths.first > lengths.second) {
      --lengths.first;
    } else {
      --lengths.second;
    }
  }
  return lengths;
}

Lengths truncate(Lengths lengths, std::size_t room, Truncation truncation, bool slow) {
  if (lengths.first + lengths.second <= room) return lengths;
  if (truncation == Truncation::kLongestFirst) {
    return slow ? longest_first_slow(lengths, room) : longest_first_fast(lengths, room);
  }
  lengths.first = std::min(lengths.first, room);
  lengths.second = std::min(lengths.second, room - lengths.first);
  return lengths;
}

Encoding fill(const Template& special, const std::vector<TemplatePiece>& pieces,
              std::span<const std::int32_t> first, std::span<const std::int32_t> second) {
  Encoding encoding;
  for (const TemplatePiece& piece : pieces) {
    std::span<const std::int32_t> ids(&piece.id, 1);
    if (piece.kind == TemplatePiece::Kind::kFirst) ids = first;
    if (piece.kind == TemplatePiece::Kind::kSecond) ids = second;
    encoding.input_ids.insert(encoding.input_ids.end(), ids.begin(), ids.end());
    if (special.token_types)
      encoding.token_type_ids.insert(encoding.token_type_ids.end(), ids.size(), piece.type_id);
  }
  return encoding;
}

}  // namespace

PairEncoder::PairEncoder(const LoadedTokenizer& tokenizer)
    : tokenizer_(tokenizer), worker_(tokenizer.text->worker()) {}

void PairEncoder::append_ids(std::string_view text, const char* side,
                             std::vector<std::int32_t>& ids, std::size_t limit) {
  if (const auto offset = base::invalid_utf8_at(text)) {
    throw InvalidArgument(std::string(side) + ": invalid UTF-8 at byte " + std::to_string(*offset));
  }
  worker_->append_ids(text, ids, limit);
}

Encoding PairEncoder::encode(std::string_view text, int max_length) {
  const std::vector<TemplatePiece>& pieces = tokenizer_.special.single;
  const std::size_t room = room_for(pieces, max_length);
  second_.clear();
  append_ids(text, "text", second_, room);
  const std::size_t kept = std::min(second_.size(), room);
  Encoding encoding = fill(tokenizer_.special, pieces, std::span(second_).first(kept), {});
  encoding.truncated = kept < second_.size();
  return encoding;
}

Encoding PairEncoder::encode_plain(std::string_view text) {
  Encoding encoding;
  append_ids(text, "text", encoding.input_ids, kNoLimit);
  return encoding;
}

Encoding PairEncoder::encode_pair(std::string_view query, std::string_view passage, int max_length,
                                  Truncation truncation) {
  const std::vector<TemplatePiece>& pieces = tokenizer_.special.pair;
  const std::size_t room = room_for(pieces, max_length);
  if (!has_last_query_ || last_query_ != query) {
    has_last_query_ = false;
    first_.clear();
    append_ids(query, "query", first_, kNoLimit);
    last_query_ = query;
    has_last_query_ = true;
  }
  second_.clear();
  // One id more than could be kept says that something is cut; longest_first also asks which side
  // is the longer one.
  append_ids(passage, "passage", second_, std::max(room, first_.size()));
  const Lengths whole{first_.size(), second_.size()};
  const Lengths kept = truncate(whole, room, truncation, tokenizer_.special.slow_truncation);
  Encoding encoding = fill(tokenizer_.special, pieces, std::span(first_).first(kept.first),
                           std::span(second_).first(kept.second));
  encoding.query_truncated = kept.first < whole.first;
  encoding.truncated = encoding.query_truncated || kept.second < whole.second;
  return encoding;
}

}  // namespace narabi::tokenize
