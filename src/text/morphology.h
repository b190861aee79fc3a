// Japanese text to words with MeCab. The only file pair that knows MeCab.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::text {

// A dictionary folder that MeCab can open, found by name ("unidic-lite", "ipadic"): below
// $NARABI_DICTIONARIES, this source tree's .deps/dictionaries, ../share/narabi/dictionaries of the
// running program's folder, that of the prefix the build was configured with, and for ipadic
// Debian's /var/lib/mecab/dic/ipadic-utf8. Throws IoError that names the places looked at and the
// one command that installs it.
std::string find_dictionary(std::string_view name);

// One loaded dictionary: immutable, shared between threads, big (mapped by MeCab).
class Morphology {
 public:
  explicit Morphology(const std::string& dictionary_folder);
  ~Morphology();
  Morphology(Morphology&&) noexcept;
  // The scratch memory of one thread; the Morphology has to outlive it.
  class Worker {
   public:
    explicit Worker(const Morphology& morphology);
    ~Worker();
    // Appends the surfaces of the words of `sentence` (valid UTF-8), as views into it; white space
    // between words belongs to none. MeCab reads C strings: what follows a U+0000 is dropped, as
    // the reference does.
    // Above a cost that some tens of thousands of words have, MeCab gives up and the reference
    // fails: such a text is split as split_long() does it.
    void split(std::string_view sentence, std::vector<std::string_view>& words);
    // A text of any length, in time and memory that grow with its length alone: one of more than
    // 2,000 code points is split in pieces, which end with a sentence where one does.
    void split_long(std::string_view text, std::vector<std::string_view>& words);

   private:
    bool parse(std::string_view sentence, std::vector<std::string_view>& words);
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::text
