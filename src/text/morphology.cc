#include "text/morphology.h"

#include <mecab.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/paths.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::text {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianIpadic = "/var/lib/mecab/dic/ipadic-utf8";

// Where `cmake --install --prefix` puts them, whatever prefix the build was configured with.
fs::path beside_the_program() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return NARABI_INSTALLED_DICTIONARIES;
  return program.parent_path().parent_path() / "share/narabi/dictionaries";
}

std::vector<std::string> places(std::string_view name) {
  std::vector<fs::path> roots;
  if (const char* root = std::getenv("NARABI_DICTIONARIES")) roots.emplace_back(root);
  roots.emplace_back(NARABI_BUILD_DICTIONARIES);
  roots.push_back(beside_the_program());
  if (roots.back() != NARABI_INSTALLED_DICTIONARIES)
    roots.emplace_back(NARABI_INSTALLED_DICTIONARIES);
  std::vector<std::string> folders;
  for (const fs::path& root : roots) folders.push_back((root / name).string());
  if (name == "ipadic") folders.push_back(kDebianIpadic);
  return folders;
}

// Of a piece, in code points. MeCab looks from every letter of a run to the run's end, and counts
// the white space before a word in 16 bits.
constexpr std::size_t kLongestPiece = 2000;

std::size_t end_of_last(std::initializer_list<std::string_view> marks, std::string_view text) {
  std::size_t end = 0;
  for (const std::string_view mark : marks) {
    const std::size_t found = text.rfind(mark);
    if (found != std::string_view::npos) end = std::max(end, found + mark.size());
  }
  return end;
}

// The start of `text` that is split by itself: all of a short one, else up to the end of a
// sentence, else up to white space, else as much as a piece may hold.
std::string_view first_piece(std::string_view text) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLongestPiece && size < text.size(); ++i)
    size += base::utf8_length(text[size]);
  if (size == text.size()) return text;
  const std::string_view most = text.substr(0, size);
  std::size_t end = end_of_last({"\n", "。", "！", "？", "!", "?"}, most);
  if (end == 0) end = end_of_last({" ", "\t", "\u3000"}, most);
  return end == 0 ? most : most.substr(0, end);
}

std::string install_command(std::string_view name) {
  return name == "ipadic" ? "apt-get install mecab-ipadic-utf8" : "scripts/install_dictionaries.sh";
}

}  // namespace

std::string find_dictionary(std::string_view name) {
  std::string looked;
  for (const std::string& folder : places(name)) {
    if (base::exists(fs::path(folder) / "sys.dic")) return folder;
    looked += (looked.empty() ? "" : ", ") + folder;
  }
  throw IoError("the MeCab dictionary " + std::string(name) + " is not installed (looked in " +
                looked + "); install it: " + install_command(name) +
                ", or set NARABI_DICTIONARIES to the folder that holds " + std::string(name) + "/");
}

struct Morphology::Impl {
  std::unique_ptr<MeCab::Model> model;
};

Morphology::Morphology(const std::string& dictionary_folder) : impl_(std::make_unique<Impl>()) {
  const char* arguments[] = {"narabi", "-r", "/dev/null", "-d", dictionary_folder.c_str()};
  impl_->model.reset(MeCab::createModel(5, const_cast<char**>(arguments)));
  if (!impl_->model) {
    throw InvalidFormat(dictionary_folder +
                        ": expected a MeCab dictionary: " + MeCab::getLastError());
  }
}

Morphology::~Morphology() = default;
Morphology::Morphology(Morphology&&) noexcept = default;

struct Morphology::Worker::Impl {
  std::unique_ptr<MeCab::Tagger> tagger;
  std::unique_ptr<MeCab::Lattice> lattice;
};

Morphology::Worker::Worker(const Morphology& morphology) : impl_(std::make_unique<Impl>()) {
  impl_->tagger.reset(morphology.impl_->model->createTagger());
  impl_->lattice.reset(morphology.impl_->model->createLattice());
}

Morphology::Worker::~Worker() = default;

void Morphology::Worker::split(std::string_view sentence, std::vector<std::string_view>& words) {
  sentence = sentence.substr(0, sentence.find('\0'));
  if (!parse(sentence, words)) split_long(sentence, words);
}

void Morphology::Worker::split_long(std::string_view text, std::vector<std::string_view>& words) {
  text = text.substr(0, text.find('\0'));
  while (!text.empty()) {
    const std::string_view piece = first_piece(text);
    if (!parse(piece, words)) {
      throw InvalidArgument(std::string("MeCab cannot parse the text: ") + impl_->lattice->what());
    }
    text.remove_prefix(piece.size());
  }
}

// False, and no words, where MeCab gives up.
bool Morphology::Worker::parse(std::string_view sentence, std::vector<std::string_view>& words) {
  if (sentence.empty()) return true;
  MeCab::Lattice& lattice = *impl_->lattice;
  lattice.set_sentence(sentence.data(), sentence.size());
  if (!impl_->tagger->parse(&lattice)) return false;
  for (const MeCab::Node* node = lattice.bos_node()->next; node->next != nullptr;
       node = node->next) {
    words.emplace_back(node->surface, node->length);
  }
  return true;
}

}  // namespace narabi::text
