#include "bench/metering/neighbourhood.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/csv_profile.h"
#include "agent/generator.h"
#include "agent/meter.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace peerwatt::metering {
namespace {

constexpr int64_t kPeakW = 5000;
constexpr int kGeneratedHouseholds = 16;
constexpr int kGeneratedPlants = 3;

/// 45 local days from 15 February 2021, one of 23 hours.
Neighbourhood Empty() {
  Neighbourhood empty;
  PW_CHECK(absl::LoadTimeZone("Europe/Berlin", &empty.zone), "the zone database is missing");
  empty.span = {empty.zone.At(absl::CivilSecond(2021, 2, 15)).trans,
                empty.zone.At(absl::CivilSecond(2021, 4, 1)).trans};
  empty.resolution = absl::Minutes(15);
  return empty;
}

ReadingColumn Read(const Neighbourhood& of, agent::Direction direction,
                   std::shared_ptr<const agent::ReadingSource> source) {
  agent::Meter meter({.metering_point = "", .direction = direction, .source = std::move(source),
                      .span = of.span},
                     of.resolution);
  ReadingColumn column;
  for (absl::Time at = of.span.start; at < of.span.end; at += of.resolution) {
    const std::optional<Energy> energy = meter.Read(at);
    const int64_t wh = energy.value_or(Energy()).wh();
    column.import_wh.push_back(direction == agent::Direction::kImport ? wh : 0);
    column.export_wh.push_back(direction == agent::Direction::kExport ? wh : 0);
    column.qualities.push_back(energy.has_value() ? Quality::kMeasured : Quality::kMissing);
    column.revisions.push_back(energy.has_value() ? 1 : 0);
  }
  return column;
}

std::vector<std::string> Files(const std::string& folder, absl::string_view suffix) {
  std::vector<std::string> files;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    if (absl::EndsWith(entry.path().string(), suffix)) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::shared_ptr<const agent::CsvProfile>> Load(const std::string& file) {
  PW_ASSIGN_OR_RETURN(agent::CsvProfile profile, agent::CsvProfile::Load(file));
  return std::make_shared<const agent::CsvProfile>(std::move(profile));
}

}  // namespace

absl::StatusOr<Neighbourhood> MeasuredNeighbourhood(const std::string& folder) {
  Neighbourhood measured = Empty();
  for (const std::string& file : Files(absl::StrCat(folder, "/load"), ".csv")) {
    PW_ASSIGN_OR_RETURN(auto profile, Load(file));
    PW_ASSIGN_OR_RETURN(auto source, agent::CsvSource::Watts(std::move(profile)));
    measured.households.push_back(Read(measured, agent::Direction::kImport, std::move(source)));
  }
  for (const std::string& file : Files(absl::StrCat(folder, "/pv"), "_pu.csv")) {
    PW_ASSIGN_OR_RETURN(auto profile, Load(file));
    PW_ASSIGN_OR_RETURN(auto source,
                        agent::CsvSource::KilowattsPerPeak(std::move(profile), kPeakW));
    measured.plants.push_back(Read(measured, agent::Direction::kExport, std::move(source)));
  }
  return measured;
}

absl::StatusOr<Neighbourhood> GeneratedNeighbourhood(uint64_t seed) {
  Neighbourhood made = Empty();
  for (int i = 0; i < kGeneratedHouseholds; ++i) {
    PW_ASSIGN_OR_RETURN(auto source, agent::HouseholdSource::New(seed, absl::StrCat("h", i),
                                                                 2000 + 250 * i));
    made.households.push_back(Read(made, agent::Direction::kImport, std::move(source)));
  }
  for (int i = 0; i < kGeneratedPlants; ++i) {
    PW_ASSIGN_OR_RETURN(auto source, agent::PvSource::New(seed, absl::StrCat("h", i), kPeakW));
    made.plants.push_back(Read(made, agent::Direction::kExport, std::move(source)));
  }
  return made;
}

}  // namespace peerwatt::metering
