#include "services/metering/storage/finding_store.h"

#include <map>
#include <string>
#include <tuple>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/storage/vee_queries.h"

namespace peerwatt::metering {
namespace {

/// The columns of a span of a metering point.
struct SpanColumns {
  std::vector<std::string> points;
  std::vector<absl::Time> starts;
  std::vector<absl::Time> ends;

  void Add(const MeteringPointId& point, Interval span) {
    points.push_back(point.value());
    starts.push_back(span.start);
    ends.push_back(span.end);
  }
};

/// Findings as columns, each key once; the last one counts.
struct FindingColumns {
  SpanColumns spans;
  std::vector<int32_t> rules;
  std::vector<int32_t> at_ingest;
  std::vector<std::string> messages;
  std::vector<std::string> devices;
  std::vector<std::string> reasons;

  explicit FindingColumns(absl::Span<const Finding> findings) {
    std::map<std::tuple<MeteringPointId, absl::Time, Rule, bool>, const Finding*> once;
    for (const Finding& finding : findings) {
      once[{finding.metering_point, finding.found.span.start, finding.found.rule,
            finding.at_ingest}] = &finding;
    }
    for (const auto& [key, finding] : once) {
      spans.Add(finding->metering_point, finding->found.span);
      rules.push_back(static_cast<int32_t>(finding->found.rule));
      at_ingest.push_back(finding->at_ingest ? 1 : 0);
      messages.push_back(finding->found.message);
      devices.push_back(finding->device.value());
      reasons.push_back(finding->reason);
    }
  }

  void Open(pqxx::work& tx, absl::Time now, FindingCounts& counts) const {
    for (const pqxx::row& row : postgres::Exec(
             tx, kOpenFindings, postgres::ToSqlArray(spans.points), postgres::ToSqlArray(rules),
             postgres::ToSqlArray(at_ingest), postgres::ToSqlArray(spans.starts),
             postgres::ToSqlArray(spans.ends), postgres::ToSqlArray(messages),
             postgres::ToSqlArray(devices), postgres::ToSqlArray(reasons),
             postgres::ToSql(now))) {
      ++counts.opened[static_cast<Rule>(postgres::Int32From(row[0]))];
    }
  }
};

std::vector<int32_t> RegisterRules() {
  std::vector<int32_t> rules;
  for (const Rule rule : kRules) {
    if (IsRegisterRule(rule)) {
      rules.push_back(static_cast<int32_t>(rule));
    }
  }
  return rules;
}

void Resolve(pqxx::work& tx, const ValidatorStep& step, const FindingColumns& found,
             absl::Time now, FindingCounts& counts) {
  SpanColumns examined;
  std::vector<int32_t> registers;
  for (const ValidatorStep::Examined& one : step.examined) {
    examined.Add(one.metering_point, one.span);
    registers.push_back(one.registers ? 1 : 0);
  }
  for (const pqxx::row& row : postgres::Exec(
           tx, kResolveFindings, postgres::ToSqlArray(examined.points),
           postgres::ToSqlArray(examined.starts), postgres::ToSqlArray(examined.ends),
           postgres::ToSqlArray(registers), postgres::ToSqlArray(found.spans.points),
           postgres::ToSqlArray(found.rules), postgres::ToSqlArray(found.spans.starts),
           postgres::ToSqlArray(RegisterRules()), postgres::ToSql(now))) {
    ++counts.resolved[static_cast<Rule>(postgres::Int32From(row[0]))];
  }
  SpanColumns stored;
  for (const ValidatorStep::Examined& one : step.stored) {
    stored.Add(one.metering_point, one.span);
  }
  for (const pqxx::row& row :
       postgres::Exec(tx, kResolveRefusals, postgres::ToSqlArray(stored.points),
                      postgres::ToSqlArray(stored.starts), postgres::ToSqlArray(stored.ends),
                      postgres::ToSql(now), static_cast<int32_t>(Rule::kSignatureChain))) {
    ++counts.resolved[static_cast<Rule>(postgres::Int32From(row[0]))];
  }
}

void KeepPoints(pqxx::work& tx, const std::vector<PointState>& points) {
  std::vector<std::string> ids;
  std::vector<absl::Time> begins;
  std::vector<absl::Time> latest;
  std::vector<absl::Time> next;
  std::vector<absl::Time> due;
  for (const PointState& point : points) {
    ids.push_back(point.metering_point.value());
    begins.push_back(point.begins_at);
    latest.push_back(point.latest_at);
    next.push_back(point.next_day_at);
    due.push_back(point.due_at);
  }
  postgres::Exec(tx, kKeepValidated, postgres::ToSqlArray(ids), postgres::ToSqlArray(begins),
                 postgres::ToSqlArray(latest), postgres::ToSqlArray(next),
                 postgres::ToSqlArray(due));
}

void RemoveWishes(pqxx::work& tx, const std::vector<WantedExamination>& done) {
  std::vector<std::string> points;
  std::vector<int64_t> numbers;
  for (const WantedExamination& one : done) {
    points.push_back(one.metering_point.value());
    numbers.push_back(one.number);
  }
  postgres::Exec(tx, kRemoveWanted, postgres::ToSqlArray(points), postgres::ToSqlArray(numbers));
}

Finding FindingFrom(const pqxx::row& row) {
  return {.metering_point = MeteringPointId(postgres::TextFrom(row[0])),
          .found = {static_cast<Rule>(postgres::Int32From(row[1])),
                    {postgres::TimeFrom(row[3]), postgres::TimeFrom(row[4])},
                    postgres::TextFrom(row[5])},
          .at_ingest = postgres::BoolFrom(row[2]),
          .created_at = postgres::TimeFrom(row[6]),
          .resolved_at = postgres::OptionalTimeFrom(row[7]),
          .device = DeviceId(postgres::TextFrom(row[8])),
          .reason = postgres::TextFrom(row[9])};
}

PointState StateFrom(const pqxx::row& row) {
  return {.metering_point = MeteringPointId(postgres::TextFrom(row[0])),
          .begins_at = postgres::TimeFrom(row[1]),
          .latest_at = postgres::TimeFrom(row[2]),
          .next_day_at = postgres::TimeFrom(row[3]),
          .due_at = postgres::TimeFrom(row[4])};
}

}  // namespace

absl::StatusOr<FindingCounts> PostgresFindingStore::Note(absl::Span<const Finding> findings) {
  FindingCounts counts;
  const FindingColumns columns(findings);
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    counts = {};
    columns.Open(tx, findings.empty() ? absl::UnixEpoch() : findings[0].created_at, counts);
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<std::vector<Finding>> PostgresFindingStore::List(const FindingQuery& query) {
  std::optional<std::string> point;
  if (query.metering_point.has_value()) {
    point = query.metering_point->value();
  }
  std::optional<absl::Time> after;
  std::optional<std::string> after_point;
  std::optional<int32_t> after_rule;
  std::optional<bool> after_ingest;
  if (query.after.has_value()) {
    after = query.after->found.span.start;
    after_point = query.after->metering_point.value();
    after_rule = static_cast<int32_t>(query.after->found.rule);
    after_ingest = query.after->at_ingest;
  }
  std::vector<Finding> findings;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    findings.clear();
    for (const pqxx::row& row : postgres::Exec(
             tx, kListFindings, point, postgres::ToSql(query.start), postgres::ToSql(query.end),
             query.resolved, postgres::ToSql(after), after_point, after_rule, after_ingest,
             static_cast<int64_t>(query.limit))) {
      findings.push_back(FindingFrom(row));
    }
    return absl::OkStatus();
  }));
  return findings;
}

absl::StatusOr<ValidatorPosition> PostgresFindingStore::Position() {
  ValidatorPosition position;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result row = postgres::Exec(tx, kSelectValidator);
    position = {postgres::Int64From(row[0][0]), postgres::Int64From(row[0][1])};
    return absl::OkStatus();
  }));
  return position;
}

absl::StatusOr<std::vector<PointState>> PostgresFindingStore::Points(
    const std::vector<MeteringPointId>& points) {
  std::vector<std::string> ids;
  for (const MeteringPointId& point : points) {
    ids.push_back(point.value());
  }
  std::vector<PointState> states;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    states.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectValidated, postgres::ToSqlArray(ids))) {
      states.push_back(StateFrom(row));
    }
    return absl::OkStatus();
  }));
  return states;
}

absl::StatusOr<std::vector<PointState>> PostgresFindingStore::DuePoints(absl::Time now,
                                                                        int32_t limit) {
  std::vector<PointState> states;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    states.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectDue, postgres::ToSql(now), limit)) {
      states.push_back(StateFrom(row));
    }
    return absl::OkStatus();
  }));
  return states;
}

absl::StatusOr<std::vector<WantedExamination>> PostgresFindingStore::Wanted(int32_t limit) {
  std::vector<WantedExamination> wanted;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    wanted.clear();
    for (const pqxx::row& row : postgres::Exec(tx, kSelectWanted, limit)) {
      wanted.push_back({.number = postgres::Int64From(row[0]),
                        .metering_point = MeteringPointId(postgres::TextFrom(row[1])),
                        .span = {postgres::TimeFrom(row[2]), postgres::TimeFrom(row[3])}});
    }
    return absl::OkStatus();
  }));
  return wanted;
}

absl::StatusOr<std::optional<FindingCounts>> PostgresFindingStore::Commit(
    const ValidatorStep& step, absl::Time now) {
  const FindingColumns found(step.found);
  std::optional<FindingCounts> counts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    counts.reset();
    // The row is locked from here to the commit; another validator waits, and finds it moved.
    if (postgres::Exec(tx, kMoveValidator, step.cursor, step.from.version).affected_rows() == 0) {
      return absl::OkStatus();
    }
    counts.emplace();
    found.Open(tx, now, *counts);
    Resolve(tx, step, found, now, *counts);
    KeepPoints(tx, step.points);
    RemoveWishes(tx, step.done);
    return absl::OkStatus();
  }));
  return counts;
}

}  // namespace peerwatt::metering
