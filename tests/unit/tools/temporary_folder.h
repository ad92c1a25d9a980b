#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "libs/base/check.h"

namespace peerwatt::tool {

/// A folder that lives as long as the test.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_("/tmp/peerwatt-tools-XXXXXX") {
    PW_CHECK(mkdtemp(path_.data()) != nullptr, "a temporary folder can be made");
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace peerwatt::tool
