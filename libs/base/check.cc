#include "libs/base/check.h"

#include <cstdlib>
#include <string>

#include "libs/base/log.h"

namespace peerwatt {

void CheckFailed(const char* file, int line, const char* condition, absl::string_view message) {
  Log(Severity::kError, message,
      {{"check", condition}, {"source", std::string(file) + ":" + std::to_string(line)}});
  FlushLog();
  std::abort();
}

}  // namespace peerwatt
