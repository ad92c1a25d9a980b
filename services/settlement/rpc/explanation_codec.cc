#include "services/settlement/rpc/explanation_codec.h"

#include "absl/strings/str_cat.h"
#include "libs/domain/interval.h"
#include "libs/rpc/codec.h"
#include "services/settlement/rpc/encode.h"
#include "services/settlement/rpc/statement_codec.h"

namespace peerwatt::settlement {
namespace {

using Proto = v1::LineExplanation;

void Encode(const CommunityRules& rules, const PostedBillLine& line, const TradeOrigin& trade,
            Proto::TradeSource& proto) {
  const std::string auction =
      absl::StrCat("communities/", rules.id.value(), "/auctions/", TimeSegment(line.period_start));
  const LineKind kind = line.line.key.kind;
  const bool is_seller = kind == LineKind::kSale || kind == LineKind::kOperatorShare;
  proto.set_name(absl::StrCat(auction, "/trades/", trade.id.value()));
  proto.set_order(is_seller ? trade.offer : trade.bid);
  proto.set_auction(auction);
  proto.set_energy_wh(trade.energy.wh());
  *proto.mutable_clearing_price_per_kwh() = rpc::ToProto(trade.price, rules.currency);
  *proto.mutable_network_fee_per_kwh() = rpc::ToProto(trade.network_fee, rules.currency);
  proto.set_origin(trade.origin);
}

void Encode(const ReadingSource& reading, Proto::ReadingSource& proto) {
  const std::string point = absl::StrCat("meteringPoints/", reading.point.value());
  proto.set_metering_point(point);
  if (reading.revision > 0) {
    proto.set_reading(absl::StrCat(point, "/readings/", TimeSegment(reading.start)));
  }
  proto.set_revision(reading.revision);
  proto.set_import_energy_wh(reading.import_energy.wh());
  proto.set_export_energy_wh(reading.export_energy.wh());
  proto.set_substituted(reading.is_substituted);
}

void Encode(const Step& step, const std::string& currency, Proto::Step& proto) {
  proto.set_description(step.description);
  proto.set_operation(static_cast<Proto::Step::Operation>(step.operation));
  for (const Operand& operand : step.operands) {
    Proto::Step::Operand& encoded = *proto.add_operands();
    encoded.set_description(operand.description);
    encoded.set_value(operand.value);
    encoded.set_from_step(static_cast<int32_t>(operand.from_step));
    encoded.set_negated(operand.is_negated);
  }
  if (step.operation == Operation::kProduct) {
    proto.set_divisor(step.divisor);
    proto.set_rounding(step.rounding == Rounding::kHalfEven ? Proto::Step::HALF_EVEN
                                                            : Proto::Step::HALF_AWAY);
  }
  proto.set_remainder_rank(step.remainder_rank);
  proto.set_remainder_units(step.remainder_units);
  proto.set_result(step.result);
  proto.set_unit(step.unit == StepUnit::kWattHours ? "Wh" : currency);
}

}  // namespace

void Encode(const CommunityRules& rules, const LineExplanation& explanation,
            const std::optional<StatementPart>& part, v1::LineExplanation& proto) {
  Encode(rules.id, rules.currency, explanation.line, *proto.mutable_line());
  for (const PostedBillLine& line : explanation.earlier) {
    Encode(rules.id, rules.currency, line, *proto.add_earlier_lines());
  }
  if (explanation.run.has_value()) {
    *proto.mutable_run_time() = rpc::ToProto(explanation.run->posted_at);
    proto.set_readings_cursor(explanation.run->readings_cursor);
  }
  if (explanation.trade.has_value()) {
    Encode(rules, explanation.line, *explanation.trade, *proto.mutable_trade());
  }
  for (const ReadingSource& reading : explanation.readings) Encode(reading, *proto.add_readings());
  proto.mutable_rule()->set_kind(explanation.rule.kind);
  proto.mutable_rule()->set_name(explanation.rule.name);
  proto.mutable_rule()->set_policy(explanation.rule.policy);
  for (const Step& step : explanation.steps) Encode(step, rules.currency, *proto.add_steps());
  proto.set_reproduced(explanation.is_reproduced);
  if (explanation.entry.has_value()) {
    Encode(rules.id, rules.currency, *explanation.entry, *proto.mutable_journal_entry());
  }
  if (part.has_value()) {
    Proto::StatementPart& statement = *proto.mutable_statement();
    statement.set_statement_line(StatementLineName(part->line));
    *statement.mutable_exact_total() = rpc::ToProto(part->exact_total, rules.currency);
    *statement.mutable_rounded_total() = rpc::ToProto(part->rounded_total, rules.currency);
    *statement.mutable_billed_before() = rpc::ToProto(part->billed_before, rules.currency);
    *statement.mutable_net_amount() = rpc::ToProto(part->net, rules.currency);
  }
}

}  // namespace peerwatt::settlement
