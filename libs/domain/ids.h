#pragma once

#include <compare>
#include <string>
#include <utility>

namespace peerwatt {

/// An id that does not convert to another kind of id. Its value is the last segment of the
/// resource name (`p1` of `participants/p1`).
template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const Id&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Id& id) {
    return H::combine(std::move(hash), id.value_);
  }

 private:
  std::string value_;
};

using CommunityId = Id<struct CommunityTag>;
using ParticipantId = Id<struct ParticipantTag>;
using MeteringPointId = Id<struct MeteringPointTag>;
using GridConnectionId = Id<struct GridConnectionTag>;
using DeviceId = Id<struct DeviceTag>;
using UserId = Id<struct UserTag>;
using OrderId = Id<struct OrderTag>;
using TradeId = Id<struct TradeTag>;

}  // namespace peerwatt
