#include "services/settlement/core/billing/charges.h"

#include <array>

namespace peerwatt::settlement {
namespace {

// A kind of line as documents have it.
struct ChargeKind {
  LineKind kind;
  DocumentKind document;
  absl::string_view key;
  absl::string_view description;
};

constexpr std::array<ChargeKind, 12> kKinds{{
    {LineKind::kPurchase, DocumentKind::kInvoice, "purchase", "Energy from neighbours"},
    {LineKind::kSale, DocumentKind::kSelfBilling, "sale", "Energy to neighbours"},
    {LineKind::kNetworkFee, DocumentKind::kInvoice, "network-fee", "Network fee"},
    {LineKind::kOperatorShare, DocumentKind::kInvoice, "operator-share",
     "Operator's share of sales"},
    {LineKind::kRetail, DocumentKind::kInvoice, "retail", "Energy from the main grid"},
    {LineKind::kFeedIn, DocumentKind::kSelfBilling, "feed-in", "Energy to the main grid"},
    {LineKind::kImbalancePurchase, DocumentKind::kInvoice, "imbalance-purchase",
     "Shortfall against trades"},
    {LineKind::kImbalanceSale, DocumentKind::kSelfBilling, "imbalance-sale", "Excess over trades"},
    {LineKind::kPoolPurchase, DocumentKind::kInvoice, "pool-purchase", "Energy from the community"},
    {LineKind::kPoolSale, DocumentKind::kSelfBilling, "pool-sale", "Energy to the community"},
    {LineKind::kSubscription, DocumentKind::kInvoice, "subscription", "Subscription"},
    {LineKind::kPieceFee, DocumentKind::kInvoice, "piece-fee", "Fees per piece"},
}};

const ChargeKind* Find(LineKind kind) {
  for (const ChargeKind& candidate : kKinds) {
    if (candidate.kind == kind) return &candidate;
  }
  return nullptr;
}

}  // namespace

std::optional<DocumentKind> DocumentOf(LineKind kind) {
  const ChargeKind* found = Find(kind);
  return found == nullptr ? std::optional<DocumentKind>() : found->document;
}

std::vector<LineKind> KindsOf(DocumentKind document) {
  std::vector<LineKind> kinds;
  for (const ChargeKind& candidate : kKinds) {
    if (candidate.document == document) kinds.push_back(candidate.kind);
  }
  return kinds;
}

absl::string_view ChargeKey(LineKind kind) {
  const ChargeKind* found = Find(kind);
  return found == nullptr ? absl::string_view() : found->key;
}

std::optional<LineKind> KindOfCharge(absl::string_view key) {
  for (const ChargeKind& candidate : kKinds) {
    if (candidate.key == key) return candidate.kind;
  }
  return std::nullopt;
}

absl::string_view ChargeDescription(LineKind kind) {
  const ChargeKind* found = Find(kind);
  return found == nullptr ? absl::string_view() : found->description;
}

}  // namespace peerwatt::settlement
