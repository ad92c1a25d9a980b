#include "services/market/storage/surveillance_store.h"

#include <limits>
#include <utility>

#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/surveillance/errors.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/surveillance_queries.h"

namespace peerwatt::market {
namespace {

using postgres::BoolFrom;
using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSqlColumn;

// Another record of the same instant comes first; the next attempt comes after it.
constexpr int kRecordAttempts = 5;
constexpr int32_t kAll = std::numeric_limits<int32_t>::max();

Energy EnergyFrom(const pqxx::field& field) { return Energy::WattHours(Int64From(field)); }
Side SideFrom(const pqxx::field& is_bid) { return BoolFrom(is_bid) ? Side::kBid : Side::kOffer; }

SurveillanceRule RuleFrom(const std::string& name) {
  for (const SurveillanceRule rule : kSurveillanceRules) {
    if (RuleName(rule) == name) {
      return rule;
    }
  }
  PW_CHECK(false, "unknown rule of surveillance");
}

std::string Joined(const std::vector<ParticipantId>& ids) {
  return absl::StrJoin(ids, ",",
                       [](std::string* out, const ParticipantId& id) { out->append(id.value()); });
}

std::vector<ParticipantId> ParticipantsFrom(const pqxx::field& field) {
  std::vector<ParticipantId> ids;
  for (std::string& id : postgres::TextArrayFrom(field)) {
    ids.emplace_back(std::move(id));
  }
  return ids;
}

void InsertFindings(pqxx::work& tx, const CommunityId& community, const SurveyRecord& record) {
  const std::vector<Finding>& rows = record.result.findings;
  int32_t number = 0;
  Exec(tx, kInsertFindings, community.value(), postgres::ToSql(record.day.start),
       ToSqlColumn(rows, [&](const Finding&) { return ++number; }),
       ToSqlColumn(rows, [](const Finding& f) { return std::string(RuleName(f.rule)); }),
       ToSqlColumn(rows, [](const Finding& f) { return f.side ? ToSql(*f.side) : std::string(); }),
       ToSqlColumn(rows, [](const Finding& f) { return f.deliveries.start; }),
       ToSqlColumn(rows, [](const Finding& f) { return f.deliveries.end; }),
       ToSqlColumn(rows, [](const Finding& f) { return Joined(f.owners); }),
       ToSqlColumn(rows, [](const Finding& f) { return Joined(f.participants); }),
       ToSqlColumn(rows, [](const Finding& f) { return f.energy.wh(); }),
       ToSqlColumn(rows, [](const Finding& f) { return f.measure; }),
       ToSqlColumn(rows, [](const Finding& f) { return absl::StrJoin(f.references, ","); }),
       ToSqlColumn(rows, [](const Finding& f) { return f.reference_count; }));
}

KeptFinding FindingFrom(const pqxx::row& row) {
  KeptFinding kept;
  kept.place = {TimeFrom(row[0]), Int32From(row[1])};
  Finding& finding = kept.finding;
  finding.rule = RuleFrom(TextFrom(row[2]));
  if (const std::string side = TextFrom(row[3]); !side.empty()) {
    finding.side = side == ToSql(Side::kBid) ? Side::kBid : Side::kOffer;
  }
  finding.deliveries = {TimeFrom(row[4]), TimeFrom(row[5])};
  finding.owners = ParticipantsFrom(row[6]);
  finding.participants = ParticipantsFrom(row[7]);
  finding.energy = EnergyFrom(row[8]);
  finding.measure = Int64From(row[9]);
  finding.references = postgres::TextArrayFrom(row[10]);
  finding.reference_count = Int64From(row[11]);
  return kept;
}

BeneficialOwner OwnerFrom(const pqxx::row& row) {
  return {ParticipantId(TextFrom(row[0])), ParticipantId(TextFrom(row[1])), TimeFrom(row[2])};
}

}  // namespace

absl::StatusOr<std::optional<NextSurvey>> PostgresSurveyStore::FindNext(
    const CommunityId& community) {
  std::optional<NextSurvey> next;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kNextSurvey, community.value());
    next.reset();
    if (!rows.empty()) {
      next = NextSurvey{TimeFrom(rows[0][0]), BoolFrom(rows[0][1])};
    }
    return absl::OkStatus();
  }));
  return next;
}

absl::StatusOr<SurveyInput> PostgresSurveyStore::Load(const CommunityId& community, Interval day) {
  SurveyInput input;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    input = {.day = day, .trades = {}, .orders = {}, .owners = {}};
    const std::string start = postgres::ToSql(day.start);
    const std::string end = postgres::ToSql(day.end);
    for (const auto& row : Exec(tx, kSurveyedTrades, community.value(), start, end)) {
      input.trades.push_back({.delivery = {TimeFrom(row[0]), TimeFrom(row[1])},
                              .number = Int32From(row[2]),
                              .buyer = ParticipantId(TextFrom(row[3])),
                              .seller = ParticipantId(TextFrom(row[4])),
                              .energy = EnergyFrom(row[5])});
    }
    for (const auto& row : Exec(tx, kSurveyedOrders, community.value(), start, end)) {
      input.orders.push_back({.delivery = {TimeFrom(row[0]), TimeFrom(row[1])},
                              .id = OrderId(TextFrom(row[2])),
                              .side = SideFrom(row[3]),
                              .participant = ParticipantId(TextFrom(row[4])),
                              .energy = EnergyFrom(row[5]),
                              .withdrawn = BoolFrom(row[6])});
    }
    for (const auto& row : Exec(tx, kListOwners, community.value(), "", kAll)) {
      BeneficialOwner known = OwnerFrom(row);
      input.owners.emplace(std::move(known.participant), std::move(known.owner));
    }
    return absl::OkStatus();
  }));
  return input;
}

absl::StatusOr<bool> PostgresSurveyStore::Keep(const CommunityId& community,
                                               const SurveyRecord& record) {
  bool kept = false;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    kept =
        Exec(tx, kInsertSurvey, community.value(), postgres::ToSql(record.day.start),
             record.result.complete, record.trade_count, record.order_count,
             record.result.findings.size(), record.thresholds, postgres::ToSql(record.survey_time))
            .affected_rows() == 1;
    if (kept && !record.result.findings.empty()) {
      InsertFindings(tx, community, record);
    }
    return absl::OkStatus();
  }));
  return kept;
}

absl::StatusOr<std::vector<KeptFinding>> PostgresSurveyView::ListFindings(
    const FindingQuery& query) {
  std::vector<KeptFinding> findings;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    findings.clear();
    const std::string rule(query.rule.has_value() ? RuleName(*query.rule) : "");
    for (const auto& row :
         Exec(tx, kListFindings, query.community.value(), postgres::ToSql(query.span.start),
              postgres::ToSql(query.span.end), rule, postgres::ToSql(query.after.day_start),
              query.after.number, query.limit)) {
      findings.push_back(FindingFrom(row));
    }
    return absl::OkStatus();
  }));
  return findings;
}

absl::StatusOr<SurveyProgress> PostgresSurveyView::GetProgress(const CommunityId& community,
                                                               Interval span, int32_t limit) {
  SurveyProgress progress;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    progress = {};
    progress.surveyed_through =
        postgres::OptionalTimeFrom(Exec(tx, kSurveyedThrough, community.value())[0][0]);
    for (const auto& row : Exec(tx, kIncompleteSurveys, community.value(),
                                postgres::ToSql(span.start), postgres::ToSql(span.end), limit)) {
      progress.incomplete_days.push_back(TimeFrom(row[0]));
    }
    return absl::OkStatus();
  }));
  return progress;
}

absl::StatusOr<BeneficialOwner> PostgresSurveyView::RecordOwner(const CommunityId& community,
                                                                const BeneficialOwner& owner) {
  BeneficialOwner last;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    for (int i = 0; i < kRecordAttempts; ++i) {
      const pqxx::result known = Exec(tx, kLastOwner, community.value(), owner.participant.value());
      if (!known.empty() && OwnerFrom(known[0]).owner == owner.owner) {
        last = OwnerFrom(known[0]);
        return absl::OkStatus();
      }
      const pqxx::result added =
          Exec(tx, kRecordOwner, community.value(), owner.participant.value(),
               postgres::ToSql(owner.record_time), owner.owner.value());
      if (!added.empty()) {
        last = OwnerFrom(added[0]);
        return absl::OkStatus();
      }
    }
    return Error(kRecordRaced, "others record the same participant; try again");
  }));
  return last;
}

absl::StatusOr<std::vector<BeneficialOwner>> PostgresSurveyView::ListOwners(
    const CommunityId& community, const ParticipantId& after, int32_t limit) {
  std::vector<BeneficialOwner> owners;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    owners.clear();
    for (const auto& row : Exec(tx, kListOwners, community.value(), after.value(), limit)) {
      owners.push_back(OwnerFrom(row));
    }
    return absl::OkStatus();
  }));
  return owners;
}

}  // namespace peerwatt::market
