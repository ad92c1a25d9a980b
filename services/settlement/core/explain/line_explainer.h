#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/settlement/core/explain/evidence.h"
#include "services/settlement/core/explain/line_steps.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// A reading behind a line.
struct ReadingSource {
  MeteringPointId point;
  absl::Time start;      ///< of the interval whose reading was taken
  int32_t revision = 0;  ///< 0: there was no reading, and zero was taken
  Energy import_energy;
  Energy export_energy;
  bool is_substituted = false;
};

/// What priced a line.
struct LineRule {
  std::string kind;  ///< `trade`, `scheme`, `tariff` or `community`
  std::string name;  ///< resource name
  std::string policy;
};

/// How a line came about.
struct LineExplanation {
  PostedBillLine line;
  std::vector<PostedBillLine> earlier;
  std::optional<RunEvidence> run;
  std::optional<TradeOrigin> trade;
  std::vector<ReadingSource> readings;
  LineRule rule;
  std::vector<Step> steps;
  bool is_reproduced = false;
  std::optional<PostedEntry> entry;
};

/// Explains lines: asks everybody for what the run knew, and does its arithmetic once more.
class LineExplainer {
 public:
  LineExplainer(Peers peers, ReadingHistory& readings, TradeHistory& trades,
                EvidenceStore& evidence, BooksReader& books)
      : peers_(peers), readings_(readings), trades_(trades), evidence_(evidence), books_(books) {}

  /// Errors: NOT_FOUND, PEER_UNAVAILABLE, DATABASE_UNAVAILABLE.
  absl::StatusOr<LineExplanation> Explain(const CommunityRules& rules,
                                          const ParticipantId& participant,
                                          const LinePosition& position);

 private:
  struct Period;
  absl::StatusOr<Period> Load(const CommunityRules& rules, absl::Time start,
                              const std::optional<RunEvidence>& run);
  /// Replaces what metering has now by what the run used.
  absl::Status TakeBack(const CommunityRules& rules, const std::optional<RunEvidence>& run,
                        Period& period);

  Peers peers_;
  ReadingHistory& readings_;
  TradeHistory& trades_;
  EvidenceStore& evidence_;
  BooksReader& books_;
};

}  // namespace peerwatt::settlement
