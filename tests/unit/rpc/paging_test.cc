#include "libs/rpc/paging.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "peerwatt/metering/v1/metering.pb.h"

namespace peerwatt::rpc {
namespace {

using Request = peerwatt::metering::v1::ListReadingsRequest;

TEST(PagingTest, CoercesSizesAsDocumented) {
  Request request;
  EXPECT_EQ(ReadPage(request)->size, 100);
  request.set_page_size(1);
  EXPECT_EQ(ReadPage(request)->size, 1);
  request.set_page_size(1001);
  EXPECT_EQ(ReadPage(request)->size, 1000);
  request.set_page_size(-1);
  EXPECT_EQ(ReasonOf(ReadPage(request).status()), "FIELD_INVALID");
}

TEST(PagingTest, ATokenContinuesItsRequestEvenWithAnotherPageSize) {
  Request request;
  request.set_parent("meteringPoints/m1");
  request.set_page_token(NextPageToken(request, "after-this"));
  request.set_page_size(7);
  const auto page = ReadPage(request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->after, "after-this");
}

TEST(PagingTest, RefusesATokenOfAnotherRequest) {
  Request request;
  request.set_parent("meteringPoints/m1");
  const std::string token = NextPageToken(request, "x");
  request.set_parent("meteringPoints/m2");
  request.set_page_token(token);
  EXPECT_EQ(ReasonOf(ReadPage(request).status()), "PAGE_TOKEN_INVALID");
}

TEST(PagingTest, RefusesWhatIsNoToken) {
  Request request;
  for (const char* bad : {"x", "!!!!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    request.set_page_token(bad);
    EXPECT_EQ(ReasonOf(ReadPage(request).status()), "PAGE_TOKEN_INVALID") << bad;
  }
}

}  // namespace
}  // namespace peerwatt::rpc
