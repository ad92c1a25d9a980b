#include "services/settlement/formats/xml_writer.h"

#include <utility>

#include "libs/base/check.h"

namespace peerwatt::settlement {
namespace {

void AppendEscaped(absl::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\t':
      case '\n':
        out += ' ';
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
}

}  // namespace

XmlWriter::XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

void XmlWriter::Begin(absl::string_view name, const std::vector<Attribute>& attributes) {
  out_.append(2 * open_.size(), ' ');
  out_ += '<';
  out_.append(name.data(), name.size());
  for (const Attribute& attribute : attributes) {
    out_ += ' ';
    out_.append(attribute.name.data(), attribute.name.size());
    out_ += "=\"";
    AppendEscaped(attribute.value, out_);
    out_ += '"';
  }
  out_ += '>';
}

void XmlWriter::Open(absl::string_view name, const std::vector<Attribute>& attributes) {
  Begin(name, attributes);
  out_ += '\n';
  open_.emplace_back(name);
}

void XmlWriter::Close() {
  PW_CHECK(!open_.empty(), "an element is open");
  const std::string name = std::move(open_.back());
  open_.pop_back();
  out_.append(2 * open_.size(), ' ');
  out_ += "</" + name + ">\n";
}

void XmlWriter::Text(absl::string_view name, absl::string_view text,
                     const std::vector<Attribute>& attributes) {
  Begin(name, attributes);
  AppendEscaped(text, out_);
  out_ += "</";
  out_.append(name.data(), name.size());
  out_ += ">\n";
}

std::string XmlWriter::Take() {
  PW_CHECK(open_.empty(), "every element has ended");
  return std::move(out_);
}

}  // namespace peerwatt::settlement
