// A copy of a golden folder, to be changed and loaded.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/line_reader.h"
#include "checkpoint/temporary_folder.h"
#include "golden_files.h"
#include "narabi/error.h"
#include "narabi/reranker.h"

namespace narabi::golden {

class Spoilt {
 public:
  explicit Spoilt(const std::string& name) {
    std::filesystem::copy(root() + "/" + name, path(), std::filesystem::copy_options::recursive);
  }
  std::string path() const { return folder_.path() + "/model"; }
  std::string file(const std::string& name) const { return path() + "/" + name; }
  void config(const std::string& key, const nlohmann::json& value) const {
    nlohmann::json config = nlohmann::json::parse(base::read_file(file("config.json")));
    config[key] = value;
    std::ofstream(file("config.json")) << config.dump();
  }
  void edit(const std::string& name, const nlohmann::json& patch) const {
    nlohmann::json content = nlohmann::json::parse(base::read_file(file(name)));
    content.merge_patch(patch);
    std::ofstream(file(name)) << content.dump();
  }
  template <typename Model = Reranker>
  std::string message(const ModelOptions& options = {}) const {
    try {
      const Model model(path(), options);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }

 private:
  checkpoint::TemporaryFolder folder_;
};

}  // namespace narabi::golden
