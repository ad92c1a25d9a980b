#include "services/settlement/formats/pdf_document.h"

#include <hpdf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/settlement/formats/document_text.h"

namespace peerwatt::settlement {
namespace {

// Points; the origin is the page's lower left corner.
constexpr int kLeft = 50;
constexpr int kRight = 545;
constexpr int kTop = 790;
constexpr int kBottom = 60;
constexpr int kLineHeight = 15;
constexpr int kTextSize = 9;
constexpr int kTitleSize = 18;
constexpr int kSmallSize = 7;
constexpr int kChartHeight = 110;
constexpr int kColumnEnergy = 350;
constexpr int kColumnPrice = 430;
constexpr int kColumnTax = 475;
constexpr size_t kDescriptionMax = 60;

struct Colour {
  HPDF_REAL red, green, blue;
};
constexpr Colour kInk = {0.13F, 0.16F, 0.20F};
constexpr Colour kFaint = {0.72F, 0.75F, 0.79F};
constexpr Colour kNeighbours = {0.10F, 0.55F, 0.38F};
constexpr Colour kGrid = {0.58F, 0.63F, 0.70F};
constexpr Colour kSold = {0.93F, 0.65F, 0.16F};
constexpr Colour kFedIn = {0.96F, 0.84F, 0.57F};

HPDF_REAL Real(int64_t value) { return static_cast<HPDF_REAL>(value); }

// At most `max` characters of UTF-8, cut between two of them.
std::string Cut(const std::string& text, size_t max) {
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && characters++ == max) {
      return text.substr(0, i) + "…";
    }
  }
  return text;
}

// One document on its pages.
class Pages {
 public:
  Pages(const Document& document, const std::string& font_folder)
      : document_(document),
        pdf_(HPDF_New([](HPDF_STATUS error, HPDF_STATUS /*detail*/,
                         void* self) { static_cast<Pages*>(self)->error_ = error; },
                      this),
             HPDF_Free) {
    HPDF_UseUTFEncodings(pdf_.get());
    HPDF_SetCompressionMode(pdf_.get(), HPDF_COMP_ALL);
    regular_ = Font(font_folder + "/DejaVuSans.ttf");
    bold_ = Font(font_folder + "/DejaVuSans-Bold.ttf");
  }

  absl::StatusOr<std::string> Draw() {
    if (error_ == HPDF_OK) {
      NewPage();
      DrawHead();
      DrawLines();
      DrawTotals();
      DrawChart();
    }
    return Bytes();
  }

 private:
  HPDF_Font Font(const std::string& path) {
    const char* name = HPDF_LoadTTFontFromFile(pdf_.get(), path.c_str(), HPDF_TRUE);
    return name == nullptr ? nullptr : HPDF_GetFont(pdf_.get(), name, "UTF-8");
  }

  void NewPage() {
    page_ = HPDF_AddPage(pdf_.get());
    HPDF_Page_SetSize(page_, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    y_ = kTop;
    ++page_count_;
    Text(kLeft, kBottom - 25, absl::StrCat(document_.number, "  ·  page ", page_count_), regular_,
         kSmallSize, kGrid);
  }

  // Goes to the next page unless so many points are left on this one.
  void Need(int height) {
    if (y_ - height < kBottom) {
      NewPage();
    }
  }

  void Text(int x, int y, const std::string& text, HPDF_Font font, int size,
            const Colour& colour = kInk) {
    HPDF_Page_BeginText(page_);
    HPDF_Page_SetFontAndSize(page_, font, Real(size));
    HPDF_Page_SetRGBFill(page_, colour.red, colour.green, colour.blue);
    HPDF_Page_TextOut(page_, Real(x), Real(y), text.c_str());
    HPDF_Page_EndText(page_);
  }

  void TextRight(int right, int y, const std::string& text, HPDF_Font font, int size) {
    HPDF_Page_SetFontAndSize(page_, font, Real(size));
    const HPDF_REAL width = HPDF_Page_TextWidth(page_, text.c_str());
    Text(right - static_cast<int>(width), y, text, font, size);
  }

  void Rule() {
    HPDF_Page_SetLineWidth(page_, 0.5F);
    HPDF_Page_SetRGBStroke(page_, kFaint.red, kFaint.green, kFaint.blue);
    HPDF_Page_MoveTo(page_, Real(kLeft), Real(y_));
    HPDF_Page_LineTo(page_, Real(kRight), Real(y_));
    HPDF_Page_Stroke(page_);
    y_ -= kLineHeight;
  }

  void Box(HPDF_REAL x, HPDF_REAL y, HPDF_REAL width, HPDF_REAL height, const Colour& colour) {
    HPDF_Page_SetRGBFill(page_, colour.red, colour.green, colour.blue);
    HPDF_Page_Rectangle(page_, x, y, width, height);
    HPDF_Page_Fill(page_);
  }

  void DrawParty(int x, absl::string_view role, const Party& party) {
    int y = y_;
    Text(x, y, std::string(role), regular_, kSmallSize, kGrid);
    const std::string ids = party.vat_id.empty()
                                ? (party.tax_number.empty() ? "" : "Tax no. " + party.tax_number)
                                : "VAT " + party.vat_id;
    for (const std::string& line :
         {party.name, party.street, absl::StrCat(party.postal_code, " ", party.city), party.country,
          ids}) {
      y -= 13;
      Text(x, y, Cut(line, 42), y == y_ - 13 ? bold_ : regular_, kTextSize);
    }
  }

  void DrawHead() {
    const bool is_preview = document_.number.empty();
    Text(kLeft, y_, absl::StrCat(Title(document_), is_preview ? " (preview)" : ""), bold_,
         kTitleSize);
    TextRight(kRight, y_ + 2, document_.number, bold_, kTextSize + 3);
    y_ -= 35;
    DrawParty(kLeft, "SELLER", document_.seller);
    DrawParty(300, "BUYER", document_.buyer);
    y_ -= 90;
    const std::string facts =
        absl::StrCat("Supplied ", absl::FormatCivilTime(FirstDay(document_)), " to ",
                     absl::FormatCivilTime(LastDay(document_)), "   ·   issued ",
                     absl::FormatCivilTime(document_.issued_on), "   ·   due ",
                     absl::FormatCivilTime(document_.due_on));
    Text(kLeft, y_, facts, regular_, kTextSize);
    y_ -= kLineHeight;
    if (!document_.corrects.empty()) {
      Text(kLeft, y_,
           absl::StrCat("Corrects ", document_.corrects, " of ",
                        absl::FormatCivilTime(document_.corrected_issued_on),
                        ": amounts are what changes"),
           regular_, kTextSize);
      y_ -= kLineHeight;
    }
    y_ -= kLineHeight;
  }

  void DrawLineHead() {
    Text(kLeft, y_, "What", bold_, kTextSize);
    TextRight(kColumnEnergy, y_, "kWh", bold_, kTextSize);
    TextRight(kColumnPrice, y_, document_.currency + " per kWh", bold_, kTextSize);
    TextRight(kColumnTax, y_, "VAT %", bold_, kTextSize);
    TextRight(kRight, y_, "Net " + document_.currency, bold_, kTextSize);
    y_ -= 5;
    Rule();
  }

  void DrawLines() {
    DrawLineHead();
    for (const DocumentLine& line : document_.amounts.lines) {
      const int page = page_count_;
      Need(kLineHeight);
      if (page != page_count_) {
        DrawLineHead();
      }
      Text(kLeft, y_, Cut(line.description, kDescriptionMax), regular_, kTextSize);
      if (line.energy != Energy()) {
        TextRight(kColumnEnergy, y_, KilowattHours(line.energy), regular_, kTextSize);
        // People read four decimals; the file for machines has all.
        TextRight(kColumnPrice, y_, UnitPrice(line, 4), regular_, kTextSize);
      }
      TextRight(kColumnTax, y_, line.tax.category == "O" ? "–" : Percent(line.tax.rate_ppm),
                regular_, kTextSize);
      TextRight(kRight, y_, FormatMinor(line.net, document_.currency), regular_, kTextSize);
      y_ -= kLineHeight;
    }
  }

  void DrawTotal(const std::string& name, Money amount, HPDF_Font font) {
    Text(kColumnEnergy - 60, y_, name, font, kTextSize);
    TextRight(kRight, y_, FormatMinor(amount, document_.currency), font, kTextSize);
    y_ -= kLineHeight;
  }

  void DrawTotals() {
    Need(kLineHeight * static_cast<int>(document_.amounts.taxes.size() + 5));
    Rule();
    DrawTotal("Net", document_.amounts.net, regular_);
    std::vector<std::string> reasons;
    for (const TaxLine& line : document_.amounts.taxes) {
      DrawTotal(absl::StrCat("VAT ", Percent(line.tax.rate_ppm), " % on ",
                             FormatMinor(line.taxable, document_.currency)),
                line.amount, regular_);
      if (!line.tax.exemption_reason.empty()) {
        reasons.push_back(line.tax.exemption_reason);
      }
    }
    DrawTotal("Total " + document_.currency, document_.amounts.gross, bold_);
    for (const std::string& reason : reasons) {
      Text(kLeft, y_, Cut(reason, 100), regular_, kSmallSize, kGrid);
      y_ -= kLineHeight;
    }
    if (!document_.pay_to.iban.empty()) {
      Text(kLeft, y_,
           absl::StrCat("Payable to ", document_.pay_to.name, ", ", document_.pay_to.iban),
           regular_, kTextSize);
      y_ -= kLineHeight;
    }
  }

  void DrawLegend() {
    const std::array<std::pair<const char*, Colour>, 4> names = {{{"from neighbours", kNeighbours},
                                                                  {"from the grid", kGrid},
                                                                  {"to neighbours", kSold},
                                                                  {"to the grid", kFedIn}}};
    int x = kLeft;
    for (const auto& [name, colour] : names) {
      Box(Real(x), Real(y_), 7, 7, colour);
      Text(x + 11, y_, name, regular_, kSmallSize);
      x += 95;
    }
    y_ -= kLineHeight;
  }

  // Days side by side: what was drawn stands above the line, what was fed in hangs below.
  void DrawChart() {
    int64_t highest = 0;
    for (const DayEnergy& day : document_.days) {
      highest = std::max({highest, (day.from_neighbours + day.from_grid).wh(),
                          (day.to_neighbours + day.to_grid).wh()});
    }
    if (highest == 0) {
      return;
    }
    Need(2 * kChartHeight + 4 * kLineHeight);
    y_ -= kLineHeight;
    DrawLegend();
    Text(kLeft, y_,
         absl::StrCat("at most ", KilowattHours(Energy::WattHours(highest)), " kWh a day"),
         regular_, kSmallSize, kGrid);
    y_ -= 10;
    const HPDF_REAL middle = Real(y_ - kChartHeight);
    const HPDF_REAL step = Real(kRight - kLeft) / Real(static_cast<int64_t>(document_.days.size()));
    const auto height = [&](Energy energy) {
      return Real(kChartHeight) * Real(energy.wh()) / Real(highest);
    };
    for (size_t i = 0; i < document_.days.size(); ++i) {
      const DayEnergy& day = document_.days[i];
      const HPDF_REAL x = Real(kLeft) + step * Real(static_cast<int64_t>(i)) + 1;
      const HPDF_REAL width = step - 2;
      Box(x, middle, width, height(day.from_neighbours), kNeighbours);
      Box(x, middle + height(day.from_neighbours), width, height(day.from_grid), kGrid);
      Box(x, middle - height(day.to_neighbours), width, height(day.to_neighbours), kSold);
      Box(x, middle - height(day.to_neighbours) - height(day.to_grid), width, height(day.to_grid),
          kFedIn);
      if (i % 5 == 0) {
        Text(static_cast<int>(x), y_ - 2 * kChartHeight - 12, absl::StrCat(i + 1), regular_,
             kSmallSize, kGrid);
      }
    }
    y_ -= 2 * kChartHeight + kLineHeight;
  }

  absl::StatusOr<std::string> Bytes() {
    std::string bytes;
    if (error_ == HPDF_OK && HPDF_SaveToStream(pdf_.get()) == HPDF_OK) {
      bytes.resize(HPDF_GetStreamSize(pdf_.get()));
      HPDF_UINT32 size = static_cast<HPDF_UINT32>(bytes.size());
      HPDF_ReadFromStream(pdf_.get(), reinterpret_cast<HPDF_BYTE*>(bytes.data()), &size);
      bytes.resize(size);
    }
    if (error_ != HPDF_OK) {
      return Error(kInternalError, absl::StrCat("the PDF could not be drawn, error ", error_));
    }
    return bytes;
  }

  const Document& document_;
  HPDF_STATUS error_ = HPDF_OK;
  std::unique_ptr<_HPDF_Doc_Rec, void (*)(HPDF_Doc)> pdf_;
  HPDF_Font regular_ = nullptr;
  HPDF_Font bold_ = nullptr;
  HPDF_Page page_ = nullptr;
  int y_ = kTop;
  int page_count_ = 0;
};

}  // namespace

absl::StatusOr<std::string> PdfWriter::Write(const Document& document) const {
  PW_RETURN_IF_ERROR(CheckDocument(document));
  return Pages(document, font_folder_).Draw();
}

}  // namespace peerwatt::settlement
