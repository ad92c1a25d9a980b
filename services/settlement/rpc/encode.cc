#include "services/settlement/rpc/encode.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/domain/interval.h"
#include "libs/rpc/codec.h"
#include "services/settlement/core/deposits.h"
#include "services/settlement/rpc/statement_codec.h"

namespace peerwatt::settlement {
namespace {

std::string CommunityName(const CommunityId& community) {
  return absl::StrCat("communities/", community.value());
}

std::string AccountName(const CommunityId& community, const AccountId& account) {
  return absl::StrCat(CommunityName(community), "/ledgerAccounts/", account.value());
}

std::string EntryName(const CommunityId& community, int64_t number) {
  return absl::StrCat(CommunityName(community), "/journalEntries/", number);
}

bool HasPrice(LineKind kind) {
  return kind != LineKind::kOperatorShare && kind != LineKind::kSelfConsumption &&
         kind != LineKind::kSubscription && kind != LineKind::kPieceFee;
}

}  // namespace

void Encode(const CommunityId& community, const std::string& currency, const Account& account,
            v1::LedgerAccount& proto) {
  const std::optional<AccountKind> kind = KindOf(account.id);
  PW_CHECK(kind.has_value(), "a kept account has a known kind");
  proto.set_name(AccountName(community, account.id));
  proto.set_kind(static_cast<v1::LedgerAccount::Kind>(*kind));
  const ParticipantId owner = OwnerOf(account.id);
  if (!owner.empty()) proto.set_participant(absl::StrCat("participants/", owner.value()));
  *proto.mutable_balance() = rpc::ToProto(account.balance, currency);
  *proto.mutable_held() = rpc::ToProto(account.held, currency);
  *proto.mutable_available() = rpc::ToProto(account.balance - account.held, currency);
}

void Encode(const CommunityId& community, const std::string& currency, const PostedEntry& entry,
            v1::JournalEntry& proto) {
  proto.set_name(EntryName(community, entry.number));
  proto.set_kind(entry.entry.kind);
  proto.set_idempotency_key(entry.entry.idempotency_key);
  if (entry.entry.period_start.has_value()) {
    *proto.mutable_period_start_time() = rpc::ToProto(*entry.entry.period_start);
  }
  *proto.mutable_create_time() = rpc::ToProto(entry.created_at);
  for (const Posting& posting : entry.entry.postings) {
    v1::Posting& encoded = *proto.add_postings();
    encoded.set_ledger_account(AccountName(community, posting.account));
    *encoded.mutable_amount() = rpc::ToProto(posting.amount, currency);
  }
}

void Encode(const CommunityId& community, const SettledPeriod& period,
            v1::SettlementPeriod& proto) {
  proto.set_name(absl::StrCat(CommunityName(community), "/settlementPeriods/",
                              TimeSegment(period.period.start)));
  *proto.mutable_start_time() = rpc::ToProto(period.period.start);
  *proto.mutable_end_time() = rpc::ToProto(period.period.end);
  proto.set_run_count(period.run_count);
  proto.set_drawn_energy_wh(period.totals.drawn.wh());
  proto.set_fed_in_energy_wh(period.totals.fed_in.wh());
  proto.set_self_consumed_energy_wh(period.totals.self_consumed.wh());
  proto.set_delivered_energy_wh(period.totals.delivered.wh());
  proto.set_retail_energy_wh(period.totals.retail.wh());
  proto.set_surplus_energy_wh(period.totals.surplus.wh());
  proto.set_substituted_count(period.substituted_count);
  proto.set_price_missing_count(period.price_missing_count);
  proto.set_imbalance_bought_energy_wh(period.totals.imbalance_bought.wh());
  proto.set_imbalance_sold_energy_wh(period.totals.imbalance_sold.wh());
  if (!period.scheme.empty()) {
    proto.set_scheme(absl::StrCat(CommunityName(community), "/schemes/", period.scheme.value()));
  }
}

void Encode(const CommunityId& community, const std::string& currency, const PostedBillLine& line,
            v1::SettlementLine& proto) {
  const LineKey& key = line.line.key;
  proto.set_name(absl::StrCat("participants/", key.participant.value(), "/settlementLines/",
                              LineSegment({line.period_start, line.run, line.number})));
  *proto.mutable_period_start_time() = rpc::ToProto(line.period_start);
  proto.set_kind(static_cast<v1::SettlementLine::Kind>(key.kind));
  proto.set_grid_connection(key.connection.value());
  if (!key.trade.empty()) {
    proto.set_trade(absl::StrCat(CommunityName(community), "/auctions/",
                                 TimeSegment(line.period_start), "/trades/", key.trade.value()));
  }
  proto.set_energy_wh(line.line.energy.wh());
  if (HasPrice(key.kind) && !key.is_price_missing) {
    *proto.mutable_price_per_kwh() = rpc::ToProto(line.line.price, currency);
  }
  if (!key.is_price_missing) {
    *proto.mutable_amount() = rpc::ToProto(line.line.amount, currency);
  }
  if (!line.line.rule_id.empty()) {
    proto.set_rule(absl::StrCat(CommunityName(community), "/", line.line.rule_id));
  }
  proto.set_taxable(key.is_taxable);
  proto.set_price_missing(key.is_price_missing);
  proto.set_run(line.run);
  proto.set_substituted(line.line.substituted);
  if (line.entry_number.has_value()) {
    proto.set_journal_entry(EntryName(community, *line.entry_number));
  }
}

void Encode(const std::string& currency, const TrialBalance& balance, v1::TrialBalance& proto) {
  *proto.mutable_postings_sum() = rpc::ToProto(balance.postings_sum, currency);
  *proto.mutable_balances_sum() = rpc::ToProto(balance.balances_sum, currency);
  proto.set_mismatched_account_count(balance.mismatched_account_count);
  proto.set_entry_count(balance.entry_count);
  *proto.mutable_held_sum() = rpc::ToProto(balance.held_sum, currency);
}

void Encode(const Deposit& deposit, v1::Deposit& proto) {
  proto.set_name(DepositName(deposit));
  *proto.mutable_amount() = rpc::ToProto(deposit.amount, deposit.currency);
  proto.set_state(static_cast<v1::Deposit::State>(deposit.state));
  *proto.mutable_create_time() = rpc::ToProto(deposit.created_at);
}

void Encode(const std::string& currency, const std::vector<BillItem>& items, v1::Bill& proto) {
  Money total;
  Money without_trading;
  bool price_missing = false;
  for (const BillItem& item : items) {
    price_missing = price_missing || item.price_missing != Energy();
    if (IsReference(item.kind)) {
      without_trading += item.amount;
      continue;
    }
    total += item.amount;
    v1::Bill::Item& encoded = *proto.add_items();
    encoded.set_kind(static_cast<v1::SettlementLine::Kind>(item.kind));
    encoded.set_energy_wh(item.energy.wh());
    encoded.set_price_missing_energy_wh(item.price_missing.wh());
    *encoded.mutable_amount() = rpc::ToProto(item.amount, currency);
  }
  *proto.mutable_total() = rpc::ToProto(total, currency);
  proto.set_price_missing(price_missing);
  *proto.mutable_total_without_trading() = rpc::ToProto(without_trading, currency);
}

}  // namespace peerwatt::settlement
