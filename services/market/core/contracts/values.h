#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// A side of a contract.
enum class Party { kBuyer, kSeller };

/// Days and hours at which energy is delivered, and how much in each interval.
struct ContractWindow {
  /// One bit for each weekday, the lowest for Monday; a day that is a holiday is no weekday.
  uint32_t weekdays = 0;
  bool on_holidays = false;
  /// Days that count whatever else they are.
  std::vector<absl::CivilDay> dates;
  /// Minutes since midnight by the clock on the wall, half open; the end up to 1440.
  int32_t start_minute = 0;
  int32_t end_minute = 1440;
  /// For each interval; 0 when it is a share.
  Energy energy;
  /// Millionths of what the seller's connection is forecast to feed in; 0 when it is fixed.
  int64_t output_share_ppm = 0;
  bool operator==(const ContractWindow&) const = default;
};

/// When how much is delivered. An interval belongs to the first window that its start lies in.
struct ContractProfile {
  /// IANA name of the zone by which days and hours count.
  std::string time_zone;
  std::vector<ContractWindow> windows;
  std::vector<absl::CivilDay> holidays;
  bool operator==(const ContractProfile&) const = default;
};

/// What a kWh costs: fixed, or the clearing price of a zone · factor + offset, then floor and cap.
struct PriceFormula {
  bool is_indexed = false;
  /// The price that does not depend on clearing.
  Price fixed;
  /// Whose zone has the clearing price.
  Party index = Party::kSeller;
  /// Millionths.
  int64_t factor_ppm = 1'000'000;
  Price offset;
  std::optional<Price> floor;
  std::optional<Price> cap;
  /// What counts when nothing was cleared; absent: nothing is delivered then.
  std::optional<Price> fallback;
  bool operator==(const PriceFormula&) const = default;
};

/// Who may cancel.
enum class CancellationRight { kNobody, kBuyer, kSeller, kEither };
/// When a notice that has run out takes effect, by the profile's time zone.
enum class CancellationEffect { kAfterNotice, kEndOfDay, kEndOfMonth };

/// How a contract may be cancelled.
struct CancellationTerms {
  CancellationRight right = CancellationRight::kNobody;
  /// Calendar days.
  int32_t notice_days = 0;
  CancellationEffect effect = CancellationEffect::kAfterNotice;
  bool operator==(const CancellationTerms&) const = default;
};

/// All that two participants agree on besides who and where they are.
struct ContractTerms {
  /// The first start of delivery that they count for.
  absl::Time valid_from;
  /// Deliveries that start before it count.
  absl::Time end;
  ContractProfile profile;
  PriceFormula price;
  CancellationTerms cancellation;
  bool operator==(const ContractTerms&) const = default;
};

/// Whether a version counts.
enum class VersionState { kOffered, kAccepted, kDeclined, kWithdrawn };

/// Terms as one party proposed them. Never changed; what the other said is added once.
struct ContractVersion {
  /// From 1, the offer, on.
  int32_t version = 1;
  ContractTerms terms;
  ParticipantId proposer;
  absl::Time create_time;
  VersionState state = VersionState::kOffered;
  absl::Time decide_time = absl::InfiniteFuture();
};

/// The notice that ends a contract.
struct ContractCancellation {
  ParticipantId by;
  std::string reason;
  absl::Time notice_time;
  /// Deliveries that start at it or later do not count.
  absl::Time effective;
};

/// An agreement of two participants of a community.
struct Contract {
  CommunityId community;
  ContractId id;
  ParticipantId buyer;
  ParticipantId seller;
  /// Empty until the party has said which one.
  MeteringPointId buyer_point;
  MeteringPointId seller_point;
  /// Of the offer.
  ParticipantId proposer;
  absl::Time create_time;
  /// In their order, the offer first.
  std::vector<ContractVersion> versions;
  std::optional<ContractCancellation> cancellation;

  const ContractVersion& offer() const { return versions.front(); }
  bool IsParty(const ParticipantId& participant) const {
    return participant == buyer || participant == seller;
  }
  /// The side of a participant who is a party.
  Party SideOf(const ParticipantId& participant) const {
    return participant == buyer ? Party::kBuyer : Party::kSeller;
  }
};

/// That a contract was due in an auction, and what became of it at gate closure.
struct ContractExecution {
  ContractId contract;
  AuctionKey auction;
  int32_t version = 0;
  /// 0 when it could not be said.
  Energy energy;
  /// Empty when orders were placed.
  std::string skip_reason;
};

/// What contracts let a connection buy and sell in an auction.
struct Contracted {
  Energy bought;
  Energy sold;
};

}  // namespace peerwatt::market
