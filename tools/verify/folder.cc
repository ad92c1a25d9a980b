// Reads the files of a folder and checks them.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"
#include "tools/verify/verify.h"

namespace peerwatt::verify {

absl::StatusOr<Result> VerifyFolder(const std::string& folder) {
  std::vector<MappedFile> files;
  const auto open = [&](const std::string& name) -> absl::StatusOr<absl::string_view> {
    PW_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(absl::StrCat(folder, "/", name)));
    files.push_back(std::move(file));
    return files.back().text();
  };
  Inputs inputs;
  const std::pair<const char*, absl::string_view*> wanted[] = {
      {"community.json", &inputs.community}, {"tariffs.json", &inputs.tariffs},
      {"schemes.json", &inputs.schemes},     {"metering-points.json", &inputs.points},
      {"journal.csv", &inputs.journal},      {"periods.csv", &inputs.periods},
      {"trades.csv", &inputs.trades}};
  for (const auto& [name, text] : wanted) {
    PW_ASSIGN_OR_RETURN(*text, open(name));
  }
  const absl::StatusOr<absl::string_view> accounts = open("accounts.csv");
  if (accounts.ok()) inputs.accounts = *accounts;
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/readings", error)) {
    if (entry.path().extension() == ".csv") names.push_back(entry.path().filename());
  }
  if (names.empty()) return absl::NotFoundError(absl::StrCat(folder, "/readings has no files"));
  for (const std::string& name : names) {
    PW_ASSIGN_OR_RETURN(const absl::string_view text, open("readings/" + name));
    inputs.readings.push_back(text);
  }
  return Verify(inputs);
}

}  // namespace peerwatt::verify
