#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "tools/verify/verify.h"

namespace {

constexpr int kSound = 0;
constexpr int kUnsound = 1;
constexpr int kUnreadable = 2;

void Print(const peerwatt::verify::Result& result) {
  using peerwatt::JsonQuote;
  for (const peerwatt::verify::Finding& finding : result.findings.kept()) {
    std::puts(absl::StrCat("{\"check\":", JsonQuote(finding.check),
                           ",\"subject\":", JsonQuote(finding.subject),
                           ",\"detail\":", JsonQuote(finding.detail), "}")
                  .c_str());
  }
  std::puts(absl::StrCat("{\"entries\":", result.journal.entries,
                         ",\"entries_of_periods\":", result.journal.of_periods,
                         ",\"charges\":", result.journal.charges,
                         ",\"periods\":", result.periods, ",\"trades\":", result.trades,
                         ",\"readings\":", result.readings,
                         ",\"findings\":", result.findings.count(), "}")
                .c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 1 || arguments[0] == "--help") {
    std::fputs(
        "Recomputes a community's books from exported files: peerwatt-verify FOLDER\n"
        "Prints a JSON object per finding and one with what was read.\n"
        "Ends with 0: sound, 1: findings, 2: the files cannot be read.\n",
        stderr);
    return kUnreadable;
  }
  const absl::StatusOr<peerwatt::verify::Result> result =
      peerwatt::verify::VerifyFolder(arguments[0]);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
    return kUnreadable;
  }
  Print(*result);
  return result->findings.count() == 0 ? kSound : kUnsound;
}
