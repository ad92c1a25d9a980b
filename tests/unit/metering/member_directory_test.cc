#include "services/metering/clients/member_directory.h"

#include <set>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/rpc/codec.h"

namespace peerwatt::metering {
namespace {

/// A registry that knows some points and counts how often each is asked for.
class FakeRegistry final : public registry::v1::RegistryInternal::Service {
 public:
  grpc::Status BatchGetMembers(grpc::ServerContext*,
                               const registry::v1::BatchGetMembersRequest* request,
                               registry::v1::BatchGetMembersResponse* response) override {
    ++calls;
    if (!failure.ok()) {
      return failure;
    }
    for (const std::string& name : request->metering_points()) {
      asked.insert(name);
      if (known.contains(name)) {
        registry::v1::Member& member = *response->add_members();
        member.set_metering_point(name);
        member.set_participant("participants/p1");
        member.set_community("communities/c1");
        member.set_import_capacity_w(11'000);
        *member.mutable_interval() = rpc::ToProto(absl::Minutes(15));
      }
    }
    return grpc::Status::OK;
  }

  std::set<std::string> known = {"meteringPoints/m1", "meteringPoints/m2"};
  std::multiset<std::string> asked;
  int calls = 0;
  grpc::Status failure;
};

std::vector<MeteringPointId> Points(std::initializer_list<const char*> ids) {
  std::vector<MeteringPointId> points;
  for (const char* id : ids) {
    points.emplace_back(id);
  }
  return points;
}

class MemberDirectoryTest : public ::testing::Test {
 protected:
  MemberDirectoryTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&registry_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  FakeRegistry registry_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(MemberDirectoryTest, AsksOnceForAKnownPointAndAgainForAnUnknownOne) {
  RegistryMemberDirectory directory(channel_);
  for (int i = 0; i < 2; ++i) {
    const MemberLookup lookup = directory.Find(Points({"m1", "m2", "m1", "new"}));
    EXPECT_TRUE(lookup.failure.ok()) << lookup.failure;
    ASSERT_EQ(lookup.members.size(), 2u);
    const Member& member = lookup.members.at(MeteringPointId("m1"));
    EXPECT_EQ(member.community, CommunityId("c1"));
    EXPECT_EQ(member.participant, ParticipantId("p1"));
    EXPECT_EQ(member.import_capacity_w, 11'000);
    EXPECT_EQ(member.export_capacity_w, 0);
    EXPECT_EQ(member.interval, absl::Minutes(15));
  }
  EXPECT_EQ(registry_.asked.count("meteringPoints/m1"), 1u);
  EXPECT_EQ(registry_.asked.count("meteringPoints/new"), 2u);
  registry_.known.insert("meteringPoints/new");
  EXPECT_EQ(directory.Find(Points({"new"})).members.size(), 1u);
}

TEST_F(MemberDirectoryTest, ForgetsWhenItsTimeIsOver) {
  RegistryMemberDirectory directory(channel_, absl::ZeroDuration());
  directory.Find(Points({"m1"}));
  directory.Find(Points({"m1"}));
  EXPECT_EQ(registry_.calls, 2);
}

TEST_F(MemberDirectoryTest, AsksNothingWhenAllIsRemembered) {
  RegistryMemberDirectory directory(channel_);
  directory.Find(Points({"m1"}));
  directory.Find(Points({"m1"}));
  directory.Find({});
  EXPECT_EQ(registry_.calls, 1);
}

TEST_F(MemberDirectoryTest, RememberedPointsOutliveTheRegistryAndTheRestIsNotCalledUnknown) {
  RegistryMemberDirectory directory(channel_);
  directory.Find(Points({"m1"}));
  for (const grpc::StatusCode code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::INTERNAL}) {
    registry_.failure = grpc::Status(code, "down");
    const MemberLookup lookup = directory.Find(Points({"m1", "m2"}));
    EXPECT_EQ(lookup.members.size(), 1u);
    const ErrorDetail detail = DetailOf(lookup.failure);
    EXPECT_EQ(detail.reason, "PEER_UNAVAILABLE");
    EXPECT_TRUE(detail.retryable);
  }
}

}  // namespace
}  // namespace peerwatt::metering
