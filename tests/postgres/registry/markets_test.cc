#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;

class MarketsTest : public RegistryFixture {
 protected:
  static Tariff TariffOf(const std::string& id, absl::Time starts_at) {
    return {CommunityId("hamlet"), TariffId(id), Price::MicrosPerKwh(-80'000),
            Price::MicrosPerKwh(300'000), starts_at};
  }
};

TEST_F(MarketsTest, ACommunityKeepsItsEmissionFactor) {
  Community community = CommunityOf("hamlet");
  community.emission_factor = {380, "federal agency, 2025"};
  ASSERT_TRUE(communities_.Create(community).ok());
  EXPECT_EQ(communities_.Get(community.id)->emission_factor, community.emission_factor);
  ASSERT_TRUE(communities_.Create(CommunityOf("other")).ok());
  EXPECT_EQ(communities_.Get(CommunityId("other"))->emission_factor, std::nullopt);
}

TEST_F(MarketsTest, ACommunityIsCreatedOnceByItsId) {
  const auto created = communities_.Create(CommunityOf("hamlet"));
  ASSERT_TRUE(created.ok()) << created.status();
  Community again = CommunityOf("hamlet");
  again.created_at += absl::Hours(1);
  EXPECT_EQ(communities_.Create(again)->created_at, kNow);
  again.price_max = Price::MicrosPerKwh(1);
  EXPECT_EQ(ReasonOf(communities_.Create(again).status()), "CONTENT_DIFFERS");
  EXPECT_TRUE(SameContent(communities_.Get(CommunityId("hamlet")).value(), CommunityOf("hamlet")));
  EXPECT_EQ(ReasonOf(communities_.Get(CommunityId("nowhere")).status()), "NOT_FOUND");
}

TEST_F(MarketsTest, CommunitiesAreListedById) {
  for (const char* id : {"c3", "c1", "c2"}) {
    ASSERT_TRUE(communities_.Create(CommunityOf(id)).ok());
  }
  const auto first = communities_.List(CommunityId(), 2).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].id.value(), "c1");
  EXPECT_EQ(first[1].id.value(), "c2");
  const auto rest = communities_.List(first[1].id, 2).value();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].id.value(), "c3");
}

TEST_F(MarketsTest, TariffsNeverChangeAndShareNoStart) {
  ASSERT_TRUE(communities_.Create(CommunityOf("hamlet")).ok());
  ASSERT_TRUE(communities_.CreateTariff(TariffOf("t1", kNow)).ok());
  EXPECT_TRUE(communities_.CreateTariff(TariffOf("t1", kNow)).ok());
  Tariff changed = TariffOf("t1", kNow);
  changed.retail_price = Price::MicrosPerKwh(1);
  EXPECT_EQ(ReasonOf(communities_.CreateTariff(changed).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(communities_.CreateTariff(TariffOf("t2", kNow)).status()),
            "TARIFF_START_TAKEN");
}

TEST_F(MarketsTest, TheSnapshotHasTheTariffInForceAndAllMembersByName) {
  FillHamlet();
  ASSERT_TRUE(metering_points_.Create(PointOf("a1", "p2", "c2")).ok());
  ASSERT_TRUE(communities_.CreateTariff(TariffOf("t1", kNow)).ok());
  ASSERT_TRUE(communities_.CreateTariff(TariffOf("t2", kNow + absl::Hours(1))).ok());
  const auto tariff_at = [&](absl::Time time) {
    const auto snapshot = communities_.Snapshot(CommunityId("hamlet"), time).value();
    return snapshot.tariff ? snapshot.tariff->id.value() : "none";
  };
  EXPECT_EQ(tariff_at(kNow - absl::Microseconds(1)), "none");
  EXPECT_EQ(tariff_at(kNow), "t1");
  EXPECT_EQ(tariff_at(kNow + absl::Hours(1) - absl::Microseconds(1)), "t1");
  EXPECT_EQ(tariff_at(kNow + absl::Hours(1)), "t2");

  ASSERT_TRUE(Step("p1", KycAction::kSubmit).ok());
  ASSERT_TRUE(Step("p1", KycAction::kReview).ok());
  ASSERT_TRUE(Step("p1", KycAction::kApprove).ok());
  const auto snapshot = communities_.Snapshot(CommunityId("hamlet"), kNow).value();
  std::vector<std::string> members;
  for (const Member& m : snapshot.members) {
    members.push_back(m.metering_point.value() + " " + m.participant.value() + " " +
                      m.grid_connection.value() + (m.approved ? " approved" : " not"));
  }
  EXPECT_THAT(members, ElementsAre("a1 p2 c2 not", "m1 p1 c1 approved", "m2 p2 c2 not"));
  EXPECT_EQ(snapshot.members[0].interval, absl::Minutes(15));
  EXPECT_EQ(snapshot.members[0].import_capacity_w, 10'000);
  EXPECT_EQ(ReasonOf(communities_.Snapshot(CommunityId("nowhere"), kNow).status()), "NOT_FOUND");
}

TEST_F(MarketsTest, TariffsAreListedNewestFirst) {
  ASSERT_TRUE(communities_.Create(CommunityOf("hamlet")).ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        communities_.CreateTariff(TariffOf("t" + std::to_string(i), kNow + absl::Hours(i))).ok());
  }
  const auto page =
      communities_.ListTariffs(CommunityId("hamlet"), kNow + absl::Hours(2), 10).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id.value(), "t1");
  EXPECT_EQ(page[1].id.value(), "t0");
}

TEST_F(MarketsTest, AUserStandsForOneParticipant) {
  FillHamlet();
  EXPECT_TRUE(participants_.Create(ParticipantOf("p1", "u1")).ok());
  EXPECT_EQ(ReasonOf(participants_.Create(ParticipantOf("p3", "u1")).status()),
            "PARTICIPANT_EXISTS");
  EXPECT_EQ(ReasonOf(participants_.Create(ParticipantOf("p1", "u2")).status()),
            "CONTENT_DIFFERS");
  MustCreateUser("u3");
  EXPECT_EQ(ReasonOf(participants_.Create(ParticipantOf("p3", "u3", "nowhere")).status()),
            "COMMUNITY_UNKNOWN");
  EXPECT_EQ(ReasonOf(participants_.Create(ParticipantOf("p3", "nobody")).status()),
            "CALLER_UNKNOWN");
  EXPECT_EQ(accounts_.GetUser(UserId("u1"))->participant.value(), "p1");
}

TEST_F(MarketsTest, OfConcurrentParticipantsOneIsCreated) {
  ASSERT_TRUE(communities_.Create(CommunityOf("hamlet")).ok());
  MustCreateUser("u1");
  std::atomic<int> created{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto result = participants_.Create(ParticipantOf("p" + std::to_string(i), "u1"));
      created += result.ok();
      refused += ReasonOf(result.status()) == "PARTICIPANT_EXISTS";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 7);
}

TEST_F(MarketsTest, KycStepsAreStoredAndAuditedOnce) {
  FillHamlet();
  EXPECT_EQ(ReasonOf(Step("p1", KycAction::kApprove).status()), "KYC_STATE_FORBIDS");
  for (const KycAction action : {KycAction::kSubmit, KycAction::kReview, KycAction::kReject,
                                 KycAction::kSubmit, KycAction::kReview, KycAction::kApprove,
                                 KycAction::kApprove, KycAction::kExpire}) {
    const auto after = Step("p1", action);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(participants_.Get(ParticipantId("p1"))->kyc_state, TargetOf(action));
  }
  EXPECT_THAT(AuditOf("participants/p1"),
              ElementsAre("KYC_SUBMITTED users/reg", "KYC_TAKEN_UP users/reg",
                          "KYC_REJECTED users/reg", "KYC_SUBMITTED users/reg",
                          "KYC_TAKEN_UP users/reg", "KYC_APPROVED users/reg",
                          "KYC_EXPIRED users/reg"));
  EXPECT_EQ(ReasonOf(Step("nobody", KycAction::kReview).status()), "NOT_FOUND");
}

TEST_F(MarketsTest, ParticipantsAreListedByFilter) {
  FillHamlet();
  ASSERT_TRUE(Step("p2", KycAction::kSubmit).ok());
  const auto ids = [&](const ParticipantFilter& filter, const std::string& after) {
    std::vector<std::string> found;
    const auto listed = participants_.List(filter, ParticipantId(after), 10);
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const Participant& p : *listed) found.push_back(p.id.value());
    return found;
  };
  EXPECT_THAT(ids({}, ""), ElementsAre("p1", "p2"));
  EXPECT_THAT(ids({}, "p1"), ElementsAre("p2"));
  EXPECT_THAT(ids({CommunityId("hamlet"), KycState::kSubmitted}, ""), ElementsAre("p2"));
  EXPECT_TRUE(ids({CommunityId("nowhere"), {}}, "").empty());
}

TEST_F(MarketsTest, TheContextFollowsTheCheck) {
  FillHamlet();
  const auto pending = participants_.GetContext(ParticipantId("p1")).value();
  EXPECT_EQ(pending.community.value(), "hamlet");
  EXPECT_EQ(pending.currency_code, "EUR");
  EXPECT_FALSE(pending.approved);
  for (const auto action : {KycAction::kSubmit, KycAction::kReview, KycAction::kApprove}) {
    ASSERT_TRUE(Step("p1", action).ok());
  }
  EXPECT_TRUE(participants_.GetContext(ParticipantId("p1"))->approved);
  EXPECT_EQ(ReasonOf(participants_.GetContext(ParticipantId("nobody")).status()), "NOT_FOUND");
}

TEST_F(MarketsTest, AGridConnectionBelongsToOneParticipant) {
  FillHamlet();
  EXPECT_TRUE(metering_points_.Create(PointOf("m3", "p1", "c1")).ok());
  EXPECT_EQ(ReasonOf(metering_points_.Create(PointOf("m4", "p2", "c1")).status()),
            "GRID_CONNECTION_TAKEN");
  EXPECT_EQ(ReasonOf(metering_points_.Create(PointOf("m5", "nobody", "c5")).status()),
            "PARTICIPANT_UNKNOWN");
  const auto again = metering_points_.Create(PointOf("m1", "p1", "c1"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->community.value(), "hamlet");
  MeteringPoint changed = PointOf("m1", "p1", "c1");
  changed.export_capacity_w = 1;
  EXPECT_EQ(ReasonOf(metering_points_.Create(changed).status()), "CONTENT_DIFFERS");
}

TEST_F(MarketsTest, ARefusedPointTakesNoConnection) {
  FillHamlet();
  MeteringPoint changed = PointOf("m1", "p1", "c9");
  EXPECT_EQ(ReasonOf(metering_points_.Create(changed).status()), "CONTENT_DIFFERS");
  EXPECT_TRUE(metering_points_.Create(PointOf("m9", "p2", "c9")).ok());
}

TEST_F(MarketsTest, MembersComeInTheOrderAskedWithoutUnknownOnes) {
  FillHamlet();
  const auto members =
      metering_points_
          .BatchGetMembers({MeteringPointId("m2"), MeteringPointId("no"), MeteringPointId("m1")})
          .value();
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].metering_point.value(), "m2");
  EXPECT_EQ(members[1].metering_point.value(), "m1");
  EXPECT_EQ(members[1].participant.value(), "p1");
  const auto own = metering_points_.List(ParticipantId("p1"), MeteringPointId(), 10).value();
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0].id.value(), "m1");
  EXPECT_EQ(metering_points_.List(ParticipantId(), MeteringPointId("m1"), 10)->size(), 1U);
}

}  // namespace
}  // namespace peerwatt::registry
