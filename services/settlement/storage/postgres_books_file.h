#pragma once

#include "libs/postgres/pool.h"
#include "services/settlement/core/reconciliation/books_file.h"

namespace peerwatt::settlement {

/// Reads the books from PostgreSQL page by page, for files. A journal only grows, so its pages fit;
/// accounts say which entry they are as of.
class PostgresBooksFile final : public reconciliation::BooksFile {
 public:
  /// page_rows: of one page.
  explicit PostgresBooksFile(postgres::Pool& pool, int32_t page_rows = 10'000)
      : pool_(pool), page_rows_(page_rows) {}

  absl::StatusOr<std::string> AppendPage(const CommunityId& community,
                                         reconciliation::BooksPart part, const std::string& after,
                                         std::string& out) override;

 private:
  postgres::Pool& pool_;
  const int32_t page_rows_;
};

}  // namespace peerwatt::settlement
