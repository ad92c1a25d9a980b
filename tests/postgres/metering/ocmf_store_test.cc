#include "services/metering/storage/ocmf_store.h"

#include "libs/base/error.h"
#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::StoreTest;

class OcmfStoreTest : public StoreTest {
 protected:
  OcmfMeter MeterOf(const std::string& point, const std::string& id, const std::string& serial,
                    const std::string& key = std::string("k\0y", 3)) {
    return {.metering_point = MeteringPointId(point),
            .id = id,
            .serial_number = serial,
            .public_key_der = key,
            .created_at = now_};
  }
  std::string Create(const OcmfMeter& meter) {
    const auto created = ocmf_.CreateMeter(meter);
    return created.ok() ? "OK" : ReasonOf(created.status());
  }
  std::vector<std::string> List(const std::string& point,
                                const std::optional<OcmfPlace>& after = {}, size_t limit = 100) {
    const auto page = ocmf_.List(
        {.metering_point = MeteringPointId(point), .after = after, .limit = limit});
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> contents;
    for (const KeptOcmfRecord& record : page->records) contents.push_back(record.content);
    if (!page->places.empty()) last_ = page->places.back();
    return contents;
  }

  PostgresOcmfStore ocmf_{pool_};
  OcmfPlace last_;
};

using Contents = std::vector<std::string>;

TEST_F(OcmfStoreTest, AMeterBelongsToOnePoint) {
  EXPECT_EQ(Create(MeterOf("m1", "main", "s1")), "OK");
  now_ += absl::Hours(1);
  EXPECT_EQ(Create(MeterOf("m1", "main", "s1")), "OK") << "the same again";
  EXPECT_EQ(Create(MeterOf("m1", "main", "s1", "other key")), "CONTENT_DIFFERS");
  EXPECT_EQ(Create(MeterOf("m1", "main", "s2")), "CONTENT_DIFFERS");
  EXPECT_EQ(Create(MeterOf("m1", "second", "s1")), "OCMF_METER_TAKEN");
  EXPECT_EQ(Create(MeterOf("m2", "main", "s1")), "OCMF_METER_TAKEN");
  EXPECT_EQ(Create(MeterOf("m2", "main", "s2", "")), "OK");
  const auto found = ocmf_.FindMeters({"s1", "s2", "unknown", "s1"});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->at("s1").metering_point.value(), "m1");
  EXPECT_EQ(found->at("s1").public_key_der, std::string("k\0y", 3));
  EXPECT_EQ(found->at("s2").public_key_der, "");
}

TEST_F(OcmfStoreTest, RecordsAreKeptOnceAndListedAsTheyCame) {
  const MeteringPointId m1("m1"), m2("m2");
  const std::string odd = "OCMF|{\"a\":\"\\u00e4 ä \\\" {} , NULL\"}\r\n|{}";
  ASSERT_TRUE(ocmf_.Keep({{{m1, odd, true}, {m2, odd, false}, {m1, odd, true}}}, now_).ok());
  now_ += absl::Minutes(1);
  ASSERT_TRUE(ocmf_.Keep({{{m1, odd, false}, {m1, "b", false}, {m1, "c", true}}}, now_).ok());
  now_ += absl::Minutes(1);
  ASSERT_TRUE(ocmf_.Keep({{{m1, "a", false}}}, now_).ok());
  const Contents all = List("m1");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all.front(), odd);
  EXPECT_EQ(all.back(), "a") << "in order of arrival";
  EXPECT_EQ(List("m2"), Contents{odd});
  Contents paged;
  std::optional<OcmfPlace> after;
  for (int i = 0; i < 4; ++i) {
    const Contents page = List("m1", after, 1);
    ASSERT_EQ(page.size(), 1u);
    paged.push_back(page[0]);
    after = last_;
  }
  EXPECT_EQ(paged, all);
  EXPECT_TRUE(List("m1", after).empty());
  const auto page = ocmf_.List({.metering_point = m1, .after = {}, .limit = 1});
  EXPECT_TRUE(page->records[0].verified) << "what was known first stays";
}

}  // namespace
}  // namespace peerwatt::metering
