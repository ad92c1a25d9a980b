#include <gtest/gtest.h>

#include <string>

#include "services/registry/storage/handover_store.h"
#include "tests/postgres/registry/service_fixture.h"

namespace peerwatt::registry {
namespace {

/// `b1` is where the network of the hamlet meets the main grid; it is p2's.
class BoundaryPointsTest : public RegistryFixture {
 protected:
  BoundaryPointsTest() {
    FillHamlet();
    EXPECT_EQ(Reason(PointOf("b1", "b1", true)), "");
  }
  static MeteringPoint PointOf(const std::string& id, const std::string& connection,
                               bool is_boundary) {
    MeteringPoint point;
    point.id = MeteringPointId(id);
    point.participant = ParticipantId("p2");
    point.grid_connection = GridConnectionId(connection);
    point.import_capacity_w = 400'000;
    point.export_capacity_w = 400'000;
    point.created_at = kNow;
    point.is_boundary = is_boundary;
    return point;
  }
  std::string Reason(const MeteringPoint& point) {
    return ReasonOf(metering_points_.Create(point).status());
  }
  std::string HandOver(const std::string& point, const std::string& connection) {
    return ReasonOf(
        handovers_
            .HandOver({MeteringPointId(point), ParticipantId("p2"), GridConnectionId(connection)},
                      {"users/op", kNow})
            .status());
  }

  PostgresHandoverStore handovers_{pool_};
};

TEST_F(BoundaryPointsTest, AreKeptAsSuch) {
  EXPECT_TRUE(metering_points_.Get(MeteringPointId("b1"))->is_boundary);
  EXPECT_FALSE(metering_points_.Get(MeteringPointId("m1"))->is_boundary);
  EXPECT_EQ(Reason(PointOf("b1", "b1", true)), "");
  EXPECT_EQ(Reason(PointOf("b1", "b1", false)), "CONTENT_DIFFERS");
}

TEST_F(BoundaryPointsTest, AreToldToTheOtherServices) {
  const auto membership = handovers_.MembershipAt(CommunityId("hamlet"), kNow);
  ASSERT_TRUE(membership.ok()) << membership.status();
  ASSERT_FALSE(membership->holders.empty());
  for (const Holder& holder : membership->holders) {
    EXPECT_EQ(holder.is_boundary, holder.point.value() == "b1") << holder.point.value();
  }
  const auto members =
      metering_points_.BatchGetMembers({MeteringPointId("b1"), MeteringPointId("m1")});
  ASSERT_TRUE(members.ok()) << members.status();
  ASSERT_EQ(members->size(), 2U);
  for (const Member& member : *members) {
    EXPECT_EQ(member.is_boundary, member.metering_point.value() == "b1");
  }
  const auto snapshot = communities_.Snapshot(CommunityId("hamlet"), kNow);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_FALSE(snapshot->members.empty());
  for (const Member& member : snapshot->members) {
    EXPECT_EQ(member.is_boundary, member.metering_point.value() == "b1");
  }
}

TEST_F(BoundaryPointsTest, ShareNoConnectionWithMembers) {
  EXPECT_EQ(Reason(PointOf("b2", "c2", true)), "BOUNDARY_CONNECTION_SHARED");
  EXPECT_EQ(Reason(PointOf("m9", "b1", false)), "BOUNDARY_CONNECTION_SHARED");
  EXPECT_EQ(ReasonOf(metering_points_.Get(MeteringPointId("b2")).status()), "NOT_FOUND");
  EXPECT_EQ(Reason(PointOf("b2", "b1", true)), "") << "points of the boundary may";
  EXPECT_EQ(HandOver("m1", "b1"), "BOUNDARY_CONNECTION_SHARED");
  EXPECT_EQ(HandOver("b1", "c2"), "BOUNDARY_CONNECTION_SHARED");
  EXPECT_EQ(HandOver("m1", "c2"), "");
  EXPECT_EQ(HandOver("b1", "b3"), "");
}

TEST_F(BoundaryPointsTest, HaveNoPartInASharingKey) {
  Scheme scheme;
  scheme.community = CommunityId("hamlet");
  scheme.id = SchemeId("shared");
  scheme.starts_at = kNow + absl::Hours(2);
  scheme.mechanism = Mechanism::kSharing;
  scheme.created_at = kNow;
  scheme.key = SharingKey::kStatic;
  scheme.shares = {{MeteringPointId("b1"), 400'000}, {MeteringPointId("m1"), 600'000}};
  scheme = WithDefaults(scheme);
  EXPECT_EQ(ReasonOf(schemes_.Create(scheme, kNow, kActor).status()), "POINT_IS_BOUNDARY");
  scheme.shares[0].point = MeteringPointId("nowhere");
  EXPECT_EQ(ReasonOf(schemes_.Create(scheme, kNow, kActor).status()), "METERING_POINT_UNKNOWN");
  scheme.shares[0].point = MeteringPointId("m2");
  EXPECT_TRUE(schemes_.Create(scheme, kNow, kActor).ok());
}

}  // namespace
}  // namespace peerwatt::registry
