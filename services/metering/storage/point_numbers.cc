#include "services/metering/storage/point_numbers.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/storage/queries.h"

namespace peerwatt::metering {

std::vector<std::string> PointNumbers::Remembered(const std::vector<MeteringPointId>& points,
                                                  PointNumberMap& found) const {
  std::vector<std::string> missing;
  {
    const std::lock_guard lock(mutex_);
    for (const MeteringPointId& point : points) {
      if (const auto number = numbers_.find(point); number != numbers_.end()) {
        found.insert(*number);
      } else {
        missing.push_back(point.value());
      }
    }
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

absl::Status PointNumbers::Load(const std::vector<std::string>& ids, bool make,
                                PointNumberMap& found) {
  PointNumberMap loaded;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const std::string array = postgres::ToSqlArray(ids);
    if (make) {
      postgres::Exec(tx, kInsertPoints, array);
    }
    loaded.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectPoints, array)) {
      loaded.emplace(MeteringPointId(postgres::TextFrom(row[0])), postgres::Int64From(row[1]));
    }
    return absl::OkStatus();
  }));
  const std::lock_guard lock(mutex_);
  for (const auto& [point, number] : loaded) {
    numbers_.insert_or_assign(point, number);
    found.insert_or_assign(point, number);
  }
  return absl::OkStatus();
}

absl::StatusOr<PointNumberMap> PointNumbers::Find(const std::vector<MeteringPointId>& points) {
  PointNumberMap found;
  if (const auto missing = Remembered(points, found); !missing.empty()) {
    PW_RETURN_IF_ERROR(Load(missing, /*make=*/false, found));
  }
  return found;
}

absl::StatusOr<std::vector<int64_t>> PointNumbers::FindEach(
    const std::vector<MeteringPointId>& points) {
  std::vector<int64_t> numbers(points.size(), kNobody);
  std::vector<MeteringPointId> missing;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < points.size(); ++i) {
      if (const auto number = numbers_.find(points[i]); number != numbers_.end()) {
        numbers[i] = number->second;
      } else {
        missing.push_back(points[i]);
      }
    }
  }
  if (missing.empty()) {
    return numbers;
  }
  PW_ASSIGN_OR_RETURN(const PointNumberMap found, Find(missing));
  for (size_t i = 0; i < points.size(); ++i) {
    if (const auto number = found.find(points[i]); number != found.end()) {
      numbers[i] = number->second;
    }
  }
  return numbers;
}

absl::StatusOr<PointNumberMap> PointNumbers::FindOrMake(
    const std::vector<MeteringPointId>& points) {
  PointNumberMap found;
  if (const auto missing = Remembered(points, found); !missing.empty()) {
    PW_RETURN_IF_ERROR(Load(missing, /*make=*/true, found));
  }
  return found;
}

absl::StatusOr<std::vector<MeteringPointId>> PointNumbers::NamesOf(
    const std::vector<int64_t>& numbers) {
  std::vector<int64_t> missing;
  {
    const std::lock_guard lock(mutex_);
    std::copy_if(numbers.begin(), numbers.end(), std::back_inserter(missing),
                 [this](int64_t number) { return !names_.contains(number); });
  }
  if (!missing.empty()) {
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
      const pqxx::result rows =
          postgres::Exec(tx, kSelectPointNames, postgres::ToSqlArray(missing));
      const std::lock_guard lock(mutex_);
      for (const pqxx::row& row : rows) {
        names_.insert_or_assign(postgres::Int64From(row[1]),
                                MeteringPointId(postgres::TextFrom(row[0])));
      }
      return absl::OkStatus();
    }));
  }
  std::vector<MeteringPointId> names(numbers.size());
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (const auto name = names_.find(numbers[i]); name != names_.end()) {
      names[i] = name->second;
    }
  }
  return names;
}

void PointNumbers::Clear() {
  const std::lock_guard lock(mutex_);
  numbers_.clear();
  names_.clear();
}

}  // namespace peerwatt::metering
