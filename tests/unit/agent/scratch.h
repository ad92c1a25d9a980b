#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "libs/base/check.h"

namespace peerwatt::testing {

/// A folder that is gone after the test.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerwatt-XXXXXX").string();
    PW_CHECK(mkdtemp(pattern.data()) != nullptr, "a temporary folder");
    path_ = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace peerwatt::testing
