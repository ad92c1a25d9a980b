#include "services/settlement/core/reconciliation/books_file.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace peerwatt::settlement::reconciliation {
namespace {

constexpr absl::string_view kLineEnd = "\r\n";

void AppendField(absl::string_view value, std::string& out) {
  if (value.find_first_of(",\"\r\n") == absl::string_view::npos) {
    absl::StrAppend(&out, value);
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string Instant(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace

void AppendHeader(BooksPart part, std::string& out) {
  switch (part) {
    case BooksPart::kJournal:
      absl::StrAppend(&out, "entry,kind,key,period_start,create_time,postings", kLineEnd);
      return;
    case BooksPart::kAccounts:
      absl::StrAppend(&out,
                      "account,entry,debits_posted_micros,credits_posted_micros,"
                      "debits_pending_micros,credits_pending_micros",
                      kLineEnd);
      return;
    case BooksPart::kPeriods:
      absl::StrAppend(&out,
                      "period_start,period_end,run_count,drawn_wh,fed_in_wh,self_consumed_wh,"
                      "delivered_wh,retail_wh,surplus_wh,imbalance_bought_wh,imbalance_sold_wh,"
                      "substituted_count,price_missing_count,scheme,boundary_import_wh,"
                      "boundary_export_wh,grid_loss_wh,grid_loss_micros",
                      kLineEnd);
      return;
  }
}

void AppendLine(const PostedEntry& entry, std::string& out) {
  absl::StrAppend(&out, entry.number, ",");
  AppendField(entry.entry.kind, out);
  out += ',';
  AppendField(entry.entry.idempotency_key, out);
  out += ',';
  if (entry.entry.period_start.has_value()) out += Instant(*entry.entry.period_start);
  absl::StrAppend(&out, ",", Instant(entry.created_at), ",");
  const char* separator = "";
  for (const Posting& posting : entry.entry.postings) {
    absl::StrAppend(&out, separator, posting.account.value(), ":", posting.amount.micros());
    separator = " ";
  }
  absl::StrAppend(&out, kLineEnd);
}

void AppendLine(const AccountSums& account, std::string& out) {
  AppendField(account.account.value(), out);
  absl::StrAppend(&out, ",", account.entry_number, ",", account.debits_posted.micros(), ",",
                  account.credits_posted.micros(), ",", account.debits_pending.micros(), ",");
  absl::StrAppend(&out, account.credits_pending.micros(), kLineEnd);
}

void AppendLine(const SettledPeriod& period, std::string& out) {
  const PeriodTotals& totals = period.totals;
  absl::StrAppend(&out, Instant(period.period.start), ",", Instant(period.period.end), ",",
                  period.run_count);
  for (const Energy energy :
       {totals.drawn, totals.fed_in, totals.self_consumed, totals.delivered, totals.retail,
        totals.surplus, totals.imbalance_bought, totals.imbalance_sold}) {
    absl::StrAppend(&out, ",", energy.wh());
  }
  absl::StrAppend(&out, ",", period.substituted_count, ",", period.price_missing_count,
                  ",");
  AppendField(period.scheme.value(), out);
  const GridLoss loss = period.grid_loss.value_or(GridLoss());
  for (const std::optional<Energy>& energy :
       {loss.import_energy, loss.export_energy, loss.energy}) {
    out += ',';
    if (energy.has_value()) absl::StrAppend(&out, energy->wh());
  }
  out += ',';
  if (loss.amount.has_value()) absl::StrAppend(&out, loss.amount->micros());
  absl::StrAppend(&out, kLineEnd);
}

}  // namespace peerwatt::settlement::reconciliation
