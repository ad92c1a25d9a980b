#include "services/settlement/core/explain/line_explainer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/period_input.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr char kTariffs[] = "tariffVersions/";

absl::Status LineNotFound(const ParticipantId& participant, const LinePosition& position) {
  const std::string name =
      absl::StrCat("participants/", participant.value(), "/settlementLines/",
                   TimeSegment(position.period_start), "-", position.run, "-", position.number);
  return Error(kNotFound, absl::StrCat(name, " does not exist"), {{"resource", name}});
}

std::string SchemeName(const CommunityId& community, const SchemeId& scheme) {
  return absl::StrCat("communities/", community.value(), "/schemes/", scheme.value());
}

LineRule RuleOf(const CommunityRules& rules, const PostedBillLine& posted, const Scheme& scheme,
                const std::string& tariff) {
  const Line& line = posted.line;
  const std::string community = absl::StrCat("communities/", rules.id.value());
  const LineRule by_community{"community", community, ""};
  const LineRule by_tariff{"tariff", tariff, ""};
  const LineRule by_scheme{"scheme", SchemeName(rules.id, scheme.id), ""};
  if (!line.rule_id.empty()) {
    return {absl::StartsWith(line.rule_id, kTariffs) ? "tariff" : "scheme",
            absl::StrCat(community, "/", line.rule_id), ""};
  }
  switch (line.key.kind) {
    case LineKind::kPurchase:
    case LineKind::kSale:
      return {"trade",
              absl::StrCat(community, "/auctions/", TimeSegment(posted.period_start), "/trades/",
                           line.key.trade.value()),
              ""};
    case LineKind::kOperatorShare:
      return scheme.operator_share_ppm.has_value() ? by_scheme : by_community;
    case LineKind::kImbalancePurchase:
      return scheme.imbalance_purchase.has_value() ? by_scheme : by_tariff;
    case LineKind::kImbalanceSale:
      return scheme.imbalance_sale.has_value() ? by_scheme : by_tariff;
    case LineKind::kPoolPurchase:
    case LineKind::kPoolSale:
      return by_scheme;
    case LineKind::kRetail:
    case LineKind::kFeedIn:
    case LineKind::kSubscription:
    case LineKind::kPieceFee:
      return by_tariff;
    default:
      return by_community;
  }
}

// The revision that a run used of a point: the first unless it says otherwise.
UsedRevision UsedOf(const std::optional<RunEvidence>& run, const MeteringPointId& point,
                    bool is_present) {
  if (run.has_value()) {
    for (const UsedRevision& used : run->revisions) {
      if (used.point == point) return used;
    }
  }
  // A point that has no reading now had none then, or was no member.
  return {point, is_present ? 1 : 0, 0};
}

}  // namespace

/// A period as a run knew it.
struct LineExplainer::Period {
  Interval span;
  CommunitySnapshot snapshot;
  std::optional<Tariff> tariff;
  Scheme scheme;
  std::vector<Trade> trades;
  Substitution readings;
  std::vector<ReadingSource> sources;  ///< by member
};

absl::Status LineExplainer::TakeBack(const CommunityRules& rules,
                                     const std::optional<RunEvidence>& run, Period& period) {
  std::vector<MeteringPointId> revised, substituted;
  for (size_t i = 0; i < period.snapshot.members.size(); ++i) {
    const MeteringPointId& point = period.snapshot.members[i].point;
    const PointReading& now = period.readings.readings[i];
    const UsedRevision used = UsedOf(run, point, now.present);
    ReadingSource& source = period.sources.emplace_back();
    source = {point, period.span.start, used.revision, now.import_energy, now.export_energy, false};
    if (used.revision == 0) {
      source.is_substituted = true;
      source.start -= kDay;
      source.revision = used.day_before_revision;
      source.import_energy = source.export_energy = Energy();
      if (source.revision > 0) substituted.push_back(point);
    } else if (used.revision != std::max(now.revision, 1)) {
      revised.push_back(point);
    }
  }
  std::map<std::pair<MeteringPointId, int32_t>, RevisedReading> found;
  for (const auto& [points, shift] :
       {std::pair(&revised, absl::ZeroDuration()), std::pair(&substituted, kDay)}) {
    if (points->empty()) continue;
    PW_ASSIGN_OR_RETURN(
        const std::vector<RevisedReading> readings,
        readings_.ListRevisions(*points, {period.span.start - shift, period.span.end - shift},
                                rules.interval));
    for (const RevisedReading& reading : readings) {
      found[{reading.point, reading.revision}] = reading;
    }
    for (ReadingSource& source : period.sources) {
      const auto reading = found.find({source.point, source.revision});
      if (reading == found.end() || reading->second.start != source.start) continue;
      source.import_energy = reading->second.import_energy;
      source.export_energy = reading->second.export_energy;
    }
    found.clear();
  }
  period.readings.substituted.assign(period.sources.size(), false);
  for (size_t i = 0; i < period.sources.size(); ++i) {
    const ReadingSource& source = period.sources[i];
    period.readings.readings[i].import_energy = source.import_energy;
    period.readings.readings[i].export_energy = source.export_energy;
    period.readings.readings[i].present = true;
    period.readings.substituted[i] = source.is_substituted;
  }
  return absl::OkStatus();
}

absl::StatusOr<LineExplainer::Period> LineExplainer::Load(const CommunityRules& rules,
                                                          absl::Time start,
                                                          const std::optional<RunEvidence>& run) {
  Period period;
  period.span = {start, start + rules.interval};
  PW_ASSIGN_OR_RETURN(period.snapshot, peers_.registry.GetSnapshot(rules.id, start));
  // A later version may have superseded the one that the run knew.
  PW_ASSIGN_OR_RETURN(
      const Tariffs tariffs,
      peers_.registry.ListTariffs(rules, {absl::InfinitePast(), absl::InfiniteFuture()}));
  for (const Tariff& tariff : tariffs.versions) {
    if (run.has_value() && TariffName(rules.id, tariff.id) == run->tariff) period.tariff = tariff;
  }
  const Tariff* in_force = TariffAt(tariffs.versions, start);
  if (!run.has_value() && in_force != nullptr) period.tariff = *in_force;
  PW_ASSIGN_OR_RETURN(const std::vector<Scheme> schemes,
                      peers_.registry.ListSchemes(rules, period.span));
  period.scheme = SchemeAt(schemes, start);
  if (UsesTrades(period.scheme)) {
    PW_ASSIGN_OR_RETURN(std::vector<AuctionOutcome> outcomes,
                        peers_.market.ListOutcomes(rules.id, period.span));
    if (!outcomes.empty()) period.trades = std::move(outcomes.front().trades);
  }
  std::vector<MeteringPointId> points;
  for (const Member& member : period.snapshot.members) points.push_back(member.point);
  PW_ASSIGN_OR_RETURN(const ReadingGrid grid,
                      peers_.metering.QueryReadings(points, period.span, rules.interval));
  for (const std::vector<PointReading>& readings : grid.readings) {
    period.readings.readings.push_back(readings.at(0));
  }
  PW_RETURN_IF_ERROR(TakeBack(rules, run, period));
  return period;
}

absl::StatusOr<LineExplanation> LineExplainer::Explain(const CommunityRules& rules,
                                                       const ParticipantId& participant,
                                                       const LinePosition& position) {
  PW_ASSIGN_OR_RETURN(const std::vector<PostedBillLine> lines,
                      evidence_.ListLinesOfPeriod(rules.id, position.period_start, participant));
  const auto asked = std::find_if(lines.begin(), lines.end(), [&](const PostedBillLine& line) {
    return line.run == position.run && line.number == position.number;
  });
  if (asked == lines.end()) return LineNotFound(participant, position);
  LineExplanation explanation;
  explanation.line = *asked;
  LineBasis basis;
  basis.line = asked->line;
  for (const PostedBillLine& line : lines) {
    if (line.run >= asked->run || line.line.key != asked->line.key) continue;
    explanation.earlier.push_back(line);
    basis.earlier.push_back(line.line);
  }
  PW_ASSIGN_OR_RETURN(explanation.run,
                      evidence_.FindRun(rules.id, position.period_start, position.run));
  PW_ASSIGN_OR_RETURN(const Period period, Load(rules, position.period_start, explanation.run));
  for (size_t i = 0; i < period.sources.size(); ++i) {
    const Member& member = period.snapshot.members[i];
    const ReadingSource& source = period.sources[i];
    if (member.participant != participant || member.connection != basis.line.key.connection) {
      continue;
    }
    // A day costs the same whatever was measured.
    if (basis.line.key.kind == LineKind::kSubscription) continue;
    explanation.readings.push_back(source);
    basis.readings.push_back({source.point, source.import_energy, source.export_energy});
  }
  const Tariff* tariff = period.tariff.has_value() ? &*period.tariff : nullptr;
  const SettlementInput input =
      ComposeInput(period.snapshot, PricesOf(tariff, period.span.start, rules.time_zone),
                   period.scheme, period.readings, period.trades);
  const ChargeInput charges{tariff,      period.snapshot.members, period.snapshot.former,
                            period.span, rules.time_zone,         rules.trading_start};
  basis.input = &input;
  basis.charges = &charges;
  explanation.steps = StepsOfLine(basis);
  explanation.is_reproduced = Recompute(explanation.steps) == basis.line.amount.micros();
  explanation.rule =
      RuleOf(rules, *asked, period.scheme,
             tariff == nullptr ? std::string() : TariffName(rules.id, tariff->id));
  explanation.rule.policy = PolicyName(input.terms);
  if (!basis.line.key.trade.empty()) {
    PW_ASSIGN_OR_RETURN(explanation.trade,
                        trades_.FindTrade(rules.id, period.span, basis.line.key.trade));
  }
  if (asked->entry_number.has_value()) {
    PW_ASSIGN_OR_RETURN(const std::vector<PostedEntry> entries,
                        books_.ListEntries(rules.id, AccountId(), *asked->entry_number - 1, 1));
    if (!entries.empty()) explanation.entry = entries.front();
  }
  return explanation;
}

}  // namespace peerwatt::settlement
