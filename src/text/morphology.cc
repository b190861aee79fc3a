#include "text/morphology.h"

#include <mecab.h>

#include <cstdlib>
#include <filesystem>

#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::text {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianIpadic = "/var/lib/mecab/dic/ipadic-utf8";

std::vector<std::string> places(std::string_view name) {
  std::vector<std::string> folders;
  if (const char* root = std::getenv("NARABI_DICTIONARIES"))
    folders.push_back((fs::path(root) / name).string());
  for (const char* root : {NARABI_BUILD_DICTIONARIES, NARABI_INSTALLED_DICTIONARIES}) {
    folders.push_back((fs::path(root) / name).string());
  }
  if (name == "ipadic") folders.push_back(kDebianIpadic);
  return folders;
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
  if (sentence.empty()) return;
  MeCab::Lattice& lattice = *impl_->lattice;
  lattice.set_sentence(sentence.data(), sentence.size());
  if (!impl_->tagger->parse(&lattice)) {
    throw InvalidArgument(std::string("MeCab cannot parse the text: ") + lattice.what());
  }
  for (const MeCab::Node* node = lattice.bos_node()->next; node->next != nullptr;
       node = node->next) {
    words.emplace_back(node->surface, node->length);
  }
}

}  // namespace narabi::text
