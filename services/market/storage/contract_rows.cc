#include "services/market/storage/contract_rows.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "libs/base/check.h"
#include "libs/postgres/codec.h"
#include "services/market/core/contracts/errors.h"
#include "services/market/storage/contract_queries.h"

namespace peerwatt::market {
namespace {

using postgres::Int32From;
using postgres::Int64ArrayFrom;
using postgres::Int64From;
using postgres::TextArrayFrom;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

template <typename Value>
using Names = std::array<std::pair<Value, const char*>, 4>;

constexpr Names<VersionState> kStates = {{{VersionState::kOffered, "OFFERED"},
                                          {VersionState::kAccepted, "ACCEPTED"},
                                          {VersionState::kDeclined, "DECLINED"},
                                          {VersionState::kWithdrawn, "WITHDRAWN"}}};
constexpr Names<CancellationRight> kRights = {{{CancellationRight::kNobody, "NOBODY"},
                                               {CancellationRight::kBuyer, "BUYER"},
                                               {CancellationRight::kSeller, "SELLER"},
                                               {CancellationRight::kEither, "EITHER"}}};
constexpr std::array<std::pair<CancellationEffect, const char*>, 3> kEffects = {
    {{CancellationEffect::kAfterNotice, "AFTER_NOTICE"},
     {CancellationEffect::kEndOfDay, "END_OF_DAY"},
     {CancellationEffect::kEndOfMonth, "END_OF_MONTH"}}};

template <typename Value, size_t kSize>
const char* NameIn(const std::array<std::pair<Value, const char*>, kSize>& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) {
      return name;
    }
  }
  PW_CHECK(false, "unknown value of a contract");
}

template <typename Value, size_t kSize>
Value ValueIn(const std::array<std::pair<Value, const char*>, kSize>& names,
              const std::string& text) {
  for (const auto& [value, name] : names) {
    if (name == text) {
      return value;
    }
  }
  PW_CHECK(false, "unknown value of a contract");
}

std::string DateText(absl::CivilDay day) { return absl::FormatCivilTime(day); }

absl::CivilDay DateFrom(const std::string& text) {
  absl::CivilDay day;
  PW_CHECK(absl::ParseCivilTime(text, &day), "a date of a contract cannot be read");
  return day;
}

std::vector<std::string> TextsOf(const std::vector<absl::CivilDay>& days) {
  std::vector<std::string> texts;
  for (const absl::CivilDay day : days) {
    texts.push_back(DateText(day));
  }
  return texts;
}

template <typename Texts>
std::vector<absl::CivilDay> DaysOf(const Texts& texts) {
  std::vector<absl::CivilDay> days;
  for (const auto& text : texts) {
    days.push_back(DateFrom(std::string(text)));
  }
  return days;
}

std::optional<Price> OptionalPriceFrom(const pqxx::field& field) {
  const std::optional<int64_t> micros = postgres::OptionalInt64From(field);
  return micros.has_value() ? std::optional(Price::MicrosPerKwh(*micros)) : std::nullopt;
}

std::optional<int64_t> MicrosOf(const std::optional<Price>& price) {
  return price.has_value() ? std::optional(price->micros_per_kwh()) : std::nullopt;
}

ContractProfile ProfileFrom(const pqxx::row& row, int at) {
  ContractProfile profile;
  profile.time_zone = TextFrom(row[at]);
  profile.holidays = DaysOf(TextArrayFrom(row[at + 1]));
  const std::vector<int64_t> weekdays = Int64ArrayFrom(row[at + 2]);
  const std::vector<int64_t> holidays = Int64ArrayFrom(row[at + 3]);
  const std::vector<std::string> dates = TextArrayFrom(row[at + 4]);
  const std::vector<int64_t> starts = Int64ArrayFrom(row[at + 5]);
  const std::vector<int64_t> ends = Int64ArrayFrom(row[at + 6]);
  const std::vector<int64_t> energies = Int64ArrayFrom(row[at + 7]);
  const std::vector<int64_t> shares = Int64ArrayFrom(row[at + 8]);
  for (size_t i = 0; i < weekdays.size(); ++i) {
    ContractWindow& window = profile.windows.emplace_back();
    window.weekdays = static_cast<uint32_t>(weekdays[i]);
    window.on_holidays = holidays[i] != 0;
    window.dates = DaysOf(absl::StrSplit(dates[i], ',', absl::SkipEmpty()));
    window.start_minute = static_cast<int32_t>(starts[i]);
    window.end_minute = static_cast<int32_t>(ends[i]);
    window.energy = Energy::WattHours(energies[i]);
    window.output_share_ppm = shares[i];
  }
  return profile;
}

PriceFormula FormulaFrom(const pqxx::row& row, int at) {
  PriceFormula formula;
  const std::string kind = TextFrom(row[at]);
  formula.is_indexed = kind != "FIXED";
  formula.index = kind == "INDEX_BUYER" ? Party::kBuyer : Party::kSeller;
  formula.fixed = Price::MicrosPerKwh(Int64From(row[at + 1]));
  formula.factor_ppm = Int64From(row[at + 2]);
  formula.offset = Price::MicrosPerKwh(Int64From(row[at + 3]));
  formula.floor = OptionalPriceFrom(row[at + 4]);
  formula.cap = OptionalPriceFrom(row[at + 5]);
  formula.fallback = OptionalPriceFrom(row[at + 6]);
  return formula;
}

const char* KindOf(const PriceFormula& formula) {
  return !formula.is_indexed              ? "FIXED"
         : formula.index == Party::kBuyer ? "INDEX_BUYER"
                                          : "INDEX_SELLER";
}

Contract HeadFrom(const pqxx::row& row) {
  Contract contract;
  contract.community = CommunityId(TextFrom(row[0]));
  contract.id = ContractId(TextFrom(row[1]));
  contract.buyer = ParticipantId(TextFrom(row[2]));
  contract.seller = ParticipantId(TextFrom(row[3]));
  contract.proposer = ParticipantId(TextFrom(row[4]));
  (contract.proposer == contract.buyer ? contract.buyer_point : contract.seller_point) =
      MeteringPointId(TextFrom(row[5]));
  contract.create_time = TimeFrom(row[6]);
  if (!row[7].is_null()) {
    contract.cancellation = ContractCancellation{ParticipantId(TextFrom(row[7])), TextFrom(row[8]),
                                                 TimeFrom(row[9]), TimeFrom(row[10])};
  }
  return contract;
}

ContractVersion VersionFrom(const pqxx::row& row) {
  ContractVersion version;
  version.version = Int32From(row[11]);
  version.proposer = ParticipantId(TextFrom(row[12]));
  version.create_time = TimeFrom(row[13]);
  version.terms.valid_from = TimeFrom(row[14]);
  version.terms.end = TimeFrom(row[15]);
  version.terms.profile = ProfileFrom(row, 16);
  version.terms.price = FormulaFrom(row, 25);
  version.terms.cancellation = {ValueIn(kRights, TextFrom(row[32])), Int32From(row[33]),
                                ValueIn(kEffects, TextFrom(row[34]))};
  if (!row[35].is_null()) {
    version.state = ValueIn(kStates, TextFrom(row[35]));
    version.decide_time = TimeFrom(row[37]);
  }
  return version;
}

}  // namespace

const char* ToSql(VersionState state) { return NameIn(kStates, state); }

std::vector<Contract> ContractsFrom(const pqxx::result& rows) {
  std::vector<Contract> contracts;
  for (const auto& row : rows) {
    if (contracts.empty() || contracts.back().id.value() != TextFrom(row[1])) {
      contracts.push_back(HeadFrom(row));
    }
    Contract& contract = contracts.back();
    contract.versions.push_back(VersionFrom(row));
    if (contract.versions.size() == 1 && !row[36].is_null()) {
      const MeteringPointId point(TextFrom(row[36]));
      (contract.proposer == contract.buyer ? contract.seller_point : contract.buyer_point) = point;
    }
  }
  return contracts;
}

void InsertVersion(pqxx::work& tx, const Contract& contract, const ContractVersion& version) {
  const ContractTerms& terms = version.terms;
  const std::vector<ContractWindow>& windows = terms.profile.windows;
  const auto dates = [](const ContractWindow& w) { return absl::StrJoin(TextsOf(w.dates), ","); };
  postgres::Exec(
      tx, kInsertContractVersion, contract.community.value(), contract.id.value(), version.version,
      version.proposer.value(), postgres::ToSql(version.create_time),
      postgres::ToSql(terms.valid_from), postgres::ToSql(terms.end), terms.profile.time_zone,
      ToSqlArray(TextsOf(terms.profile.holidays)),
      ToSqlColumn(windows, [](const ContractWindow& w) { return int64_t{w.weekdays}; }),
      ToSqlColumn(windows, [](const ContractWindow& w) { return int64_t{w.on_holidays}; }),
      ToSqlColumn(windows, dates),
      ToSqlColumn(windows, [](const ContractWindow& w) { return int64_t{w.start_minute}; }),
      ToSqlColumn(windows, [](const ContractWindow& w) { return int64_t{w.end_minute}; }),
      ToSqlColumn(windows, [](const ContractWindow& w) { return w.energy.wh(); }),
      ToSqlColumn(windows, [](const ContractWindow& w) { return w.output_share_ppm; }),
      KindOf(terms.price), terms.price.fixed.micros_per_kwh(), terms.price.factor_ppm,
      terms.price.offset.micros_per_kwh(), MicrosOf(terms.price.floor), MicrosOf(terms.price.cap),
      MicrosOf(terms.price.fallback), NameIn(kRights, terms.cancellation.right),
      terms.cancellation.notice_days, NameIn(kEffects, terms.cancellation.effect));
}

ExecutionResult ExecutionFrom(const pqxx::row& row) {
  ExecutionResult result;
  result.delivery_start = TimeFrom(row[0]);
  result.version = Int32From(row[1]);
  result.energy = Energy::WattHours(Int64From(row[2]));
  result.reason = TextFrom(row[3]);
  const std::string bid_state = row[4].is_null() ? "" : TextFrom(row[4]);
  if (!row[7].is_null()) {
    result.state = ExecutionState::kExecuted;
    result.trade_number = Int32From(row[7]);
    result.price = Price::MicrosPerKwh(Int64From(row[8]));
  } else if (!result.reason.empty() || bid_state == "REJECTED" || bid_state == "EXPIRED") {
    result.state = ExecutionState::kSkipped;
  }
  if (bid_state == "EXPIRED") {
    result.reason = std::string(kNothingCleared.name);
  } else if (bid_state == "REJECTED") {
    // The order that was refused for a reason of its own.
    const std::string bid_reason = TextFrom(row[5]);
    result.reason = bid_reason == kCounterOrderRefused.name ? TextFrom(row[6]) : bid_reason;
  }
  return result;
}

}  // namespace peerwatt::market
