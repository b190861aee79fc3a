#include "retrieve/lexical/segment.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "narabi/error.h"

namespace narabi::retrieve {

Segment::Segment(const std::string& path) : file_(path) {
  const auto bytes = file_.bytes();
  if (bytes.size() < sizeof(SegmentHeader)) damaged("it is shorter than its header");
  header_ = reinterpret_cast<const SegmentHeader*>(bytes.data());
  if (std::memcmp(header_->magic, kSegmentMagic, sizeof kSegmentMagic) != 0)
    damaged("it does not start as a segment does");
  if (header_->version != kSegmentVersion || header_->fields != kFields) {
    throw Unsupported(path + ": expected a segment of version " + std::to_string(kSegmentVersion) +
                      ", found version " + std::to_string(header_->version));
  }
  if (header_->checksum != XXH3_64bits(header_, offsetof(SegmentHeader, checksum)))
    damaged("the checksum of its header differs");
  if (header_->file_bytes != bytes.size())
    damaged("expected " + std::to_string(header_->file_bytes) + " bytes, found " +
            std::to_string(bytes.size()));
  if (header_->documents >= 1u << 31) damaged("too many documents");
  numbers_ = section<std::uint32_t>(header_->numbers_at, header_->documents, "numbers");
  lengths_ = section<std::uint16_t>(header_->lengths_at, kFields * header_->documents, "lengths");
  entries_ = section<TermEntry>(header_->entries_at, header_->terms + 1, "terms");
  const auto texts = section<char>(header_->texts_at, entries_.back().text, "texts");
  texts_ = {texts.data(), texts.size()};
  section<char>(header_->postings_at, 0, "postings");
}

template <typename T>
std::span<const T> Segment::section(std::uint64_t at, std::uint64_t count, const char* name) const {
  const std::size_t size = file_.bytes().size();
  if (at > size || at % alignof(T) != 0 || count > (size - at) / sizeof(T))
    damaged(std::string("its section of ") + name + " does not fit");
  return {reinterpret_cast<const T*>(file_.bytes().data() + at), static_cast<std::size_t>(count)};
}

void Segment::damaged(const std::string& what) const {
  throw InvalidFormat(file_.path() + ": the segment is damaged (" + what +
                      "): rebuild it from the store by narabi index INDEX rebuild");
}

std::string_view Segment::term(std::size_t index) const {
  const std::uint32_t begin = entries_[index].text, end = entries_[index + 1].text;
  if (begin > end || end > texts_.size()) damaged("the text of a term lies outside");
  return texts_.substr(begin, end - begin);
}

ListView Segment::list(std::size_t index) const {
  const TermEntry& entry = entries_[index];
  const std::uint64_t room = header_->entries_at - header_->postings_at;
  if (header_->entries_at < header_->postings_at || entry.list >= room || entry.documents == 0 ||
      entry.documents > documents()) {
    damaged("a list lies outside");
  }
  const auto* base = reinterpret_cast<const std::uint8_t*>(file_.bytes().data());
  return {base + header_->postings_at + entry.list, base + header_->entries_at, entry.documents};
}

std::vector<std::optional<ListView>> Segment::find(std::span<const std::string_view> wanted) const {
  struct Range {
    std::size_t begin, end;
    std::size_t middle() const { return begin + (end - begin) / 2; }
  };
  // A binary search of each term, a step of all of them at a time.
  std::vector<Range> ranges(wanted.size(), {0, terms()});
  for (std::size_t left = terms(); left > 0; left /= 2) {
    for (const Range& range : ranges) __builtin_prefetch(&entries_[range.middle()]);
    for (const Range& range : ranges) {
      const std::uint32_t text = entries_[range.middle()].text;
      if (text < texts_.size()) __builtin_prefetch(&texts_[text]);
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      Range& range = ranges[i];
      if (range.begin == range.end) continue;
      const std::size_t middle = range.middle();
      if (term(middle) < wanted[i]) {
        range.begin = middle + 1;
      } else {
        range.end = middle;
      }
    }
  }
  std::vector<std::optional<ListView>> lists(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::size_t at = ranges[i].begin;
    if (at < terms() && term(at) == wanted[i]) lists[i] = list(at);
  }
  return lists;
}

std::uint64_t Segment::checksum() const {
  const auto body = file_.bytes().subspan(sizeof(SegmentHeader));
  return XXH3_64bits(body.data(), body.size());
}

void SegmentTerms::append(PostingList& list) const {
  PostingsCursor cursor(segment_, segment_.list(next_ - 1));
  for (; !cursor.at_end(); cursor.next_block()) {
    const std::uint32_t* documents = cursor.block_documents();
    const std::uint32_t* frequencies = cursor.block_frequencies();
    for (std::uint32_t i = 0; i < cursor.count(); ++i) {
      if (documents[i] >= new_positions_.size())
        segment_.damaged("a document that it does not hold");
      const std::uint32_t position = new_positions_[documents[i]];
      if (position == kDropped) continue;
      if (!list.documents.empty() && position <= list.documents.back())
        segment_.damaged("documents out of order");
      list.documents.push_back(position);
      list.frequencies.push_back(frequencies[i]);
    }
  }
}

}  // namespace narabi::retrieve
