#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/registry/storage/handover_store.h"
#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HandoversTest : public RegistryFixture {
 protected:
  HandoversTest() { FillHamlet(); }

  absl::StatusOr<Handover> HandOver(const std::string& point, const std::string& participant,
                                    absl::Time at, const std::string& connection = "") {
    return handovers_.HandOver({MeteringPointId(point), ParticipantId(participant),
                                GridConnectionId(connection)},
                               {"users/op", at});
  }
  /// `point participant connection` of each holder.
  std::vector<std::string> HoldersAt(absl::Time time, const std::string& community = "hamlet") {
    const auto membership = handovers_.MembershipAt(CommunityId(community), time);
    EXPECT_TRUE(membership.ok()) << membership.status();
    std::vector<std::string> holders;
    for (const Holder& holder : membership->holders) {
      holders.push_back(absl::StrCat(holder.point.value(), " ", holder.participant.value(), " ",
                                     holder.grid_connection.value()));
    }
    return holders;
  }
  int64_t VersionAt(absl::Time time) {
    return handovers_.MembershipAt(CommunityId("hamlet"), time)->version;
  }
  std::vector<std::string> SnapshotAt(absl::Time time) {
    std::vector<std::string> members;
    const auto snapshot = communities_.Snapshot(CommunityId("hamlet"), time);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    if (!snapshot.ok()) return members;
    for (const Member& member : snapshot->members) {
      members.push_back(member.metering_point.value() + " " + member.participant.value());
    }
    return members;
  }

  PostgresHandoverStore handovers_{pool_};
};

TEST_F(HandoversTest, APointChangesHandsFromTheNextIntervalOn) {
  const absl::Time asked = kNow + absl::Minutes(5);
  const absl::Time start = kNow + absl::Minutes(15);
  const auto handover = HandOver("m1", "p2", asked);
  ASSERT_TRUE(handover.ok()) << handover.status();
  EXPECT_EQ(handover->starts_at, start);
  EXPECT_THAT(HoldersAt(start - absl::Microseconds(1)), ElementsAre("m1 p1 c1", "m2 p2 c2"));
  EXPECT_THAT(HoldersAt(start), ElementsAre("m1 p2 m1-2", "m2 p2 c2"));
  EXPECT_THAT(HoldersAt(absl::UnixEpoch()), ElementsAre("m1 p1 c1", "m2 p2 c2"));
  EXPECT_LT(VersionAt(start - absl::Microseconds(1)), VersionAt(start));
  EXPECT_EQ(VersionAt(start), VersionAt(start + absl::Hours(999)));
  EXPECT_EQ(metering_points_.Get(MeteringPointId("m1"))->participant.value(), "p2");
  EXPECT_THAT(AuditOf("meteringPoints/m1"), ElementsAre("METERING_POINT_HANDED_OVER users/op"));
}

TEST_F(HandoversTest, TheSameAgainChangesNothing) {
  const auto first = HandOver("m1", "p2", kNow, "c2");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = HandOver("m1", "p2", kNow + absl::Hours(1), "c2");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->starts_at, first->starts_at);
  EXPECT_EQ(second->grid_connection.value(), "c2");
  EXPECT_EQ(HandOver("m2", "p2", kNow)->starts_at, absl::InfinitePast()) << "it always was his";
}

TEST_F(HandoversTest, APointLeavesAndComesBack) {
  ASSERT_TRUE(HandOver("m1", "", kNow).ok());
  EXPECT_THAT(HoldersAt(kNow - absl::Microseconds(1)), ElementsAre("m1 p1 c1", "m2 p2 c2"));
  EXPECT_THAT(HoldersAt(kNow), ElementsAre("m2 p2 c2"));
  EXPECT_THAT(SnapshotAt(kNow), ElementsAre("m2 p2"));
  EXPECT_THAT(SnapshotAt(kNow - absl::Microseconds(1)), ElementsAre("m1 p1", "m2 p2"));
  ASSERT_TRUE(HandOver("m1", "p1", kNow, "c1").ok());
  EXPECT_THAT(HoldersAt(kNow), ElementsAre("m2 p2 c2")) << "once per interval";
  EXPECT_THAT(HoldersAt(kNow + absl::Minutes(15)), ElementsAre("m1 p1 c1", "m2 p2 c2"));
}

TEST_F(HandoversTest, WhoHeldAPointIsKnownForFortyDays) {
  const auto former_at = [&](absl::Time time) {
    std::vector<std::string> former;
    const auto membership = handovers_.MembershipAt(CommunityId("hamlet"), time);
    for (const FormerHolder& holder : membership->former) {
      former.push_back(absl::StrCat(holder.point.value(), " ", holder.participant.value(), " ",
                                    holder.grid_connection.value(), " ",
                                    absl::ToInt64Minutes(holder.starts_at - kNow), " ",
                                    absl::ToInt64Minutes(holder.ends_at - kNow)));
    }
    return former;
  };
  const auto held_since = [&](absl::Time time) {
    return handovers_.MembershipAt(CommunityId("hamlet"), time)->holders.front().held_since;
  };
  const absl::Time hour = kNow + absl::Hours(1);
  EXPECT_EQ(held_since(hour), absl::InfinitePast());
  ASSERT_TRUE(HandOver("m1", "p2", hour).ok());
  ASSERT_TRUE(HandOver("m1", "p1", hour + absl::Hours(1), "c1").ok());
  EXPECT_THAT(former_at(hour - absl::Microseconds(1)), IsEmpty());
  EXPECT_THAT(former_at(hour), ElementsAre("m1 p1 c1 0 60")) << "since it was created";
  EXPECT_EQ(held_since(hour), hour);
  EXPECT_THAT(former_at(hour + absl::Hours(1)),
              ElementsAre("m1 p1 c1 0 60", "m1 p2 m1-2 60 120"));
  EXPECT_EQ(held_since(hour + absl::Hours(1)), hour + absl::Hours(1));
  EXPECT_THAT(former_at(hour + absl::Hours(24 * 40)), ElementsAre("m1 p2 m1-2 60 120"));
}

TEST_F(HandoversTest, APointGoesToAnotherCommunity) {
  ASSERT_TRUE(communities_.Create(CommunityOf("village")).ok());
  MustCreateUser("u3");
  ASSERT_TRUE(participants_.Create(ParticipantOf("p3", "u3", "village")).ok());
  ASSERT_TRUE(HandOver("m1", "p3", kNow).ok());
  EXPECT_THAT(HoldersAt(kNow - absl::Hours(1), "village"), IsEmpty());
  EXPECT_THAT(HoldersAt(kNow - absl::Hours(1)), ElementsAre("m1 p1 c1", "m2 p2 c2"));
  EXPECT_THAT(HoldersAt(kNow, "village"), ElementsAre("m1 p3 m1-2"));
  EXPECT_THAT(HoldersAt(kNow), ElementsAre("m2 p2 c2"));
}

TEST_F(HandoversTest, RefusesInOrder) {
  EXPECT_EQ(ReasonOf(HandOver("m9", "p9", kNow).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(HandOver("m1", "p9", kNow, "c2").status()), "PARTICIPANT_UNKNOWN");
  EXPECT_EQ(ReasonOf(HandOver("m1", "p2", kNow, "c1").status()), "GRID_CONNECTION_TAKEN");
  EXPECT_THAT(HoldersAt(kNow + absl::Hours(9)), ElementsAre("m1 p1 c1", "m2 p2 c2"))
      << "what was refused left nothing";
  EXPECT_EQ(VersionAt(kNow + absl::Hours(9)), 0);
}

}  // namespace
}  // namespace peerwatt::registry
