#include "topology/files/svg.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

constexpr double kLetter = 0.6;  // its width, of the font's size

}  // namespace

std::string fitting(const std::string& text, double width, double size) {
  const auto most = static_cast<std::size_t>(std::max(1.0, width / (size * kLetter)));
  return text.size() <= most ? text : text.substr(0, most - 1) + "~";
}

bool fits(const std::string& text, double width, double size) {
  return static_cast<double>(text.size()) * size * kLetter <= width;
}

SvgPage::SvgPage(double width, double height)
    : out_(format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
                  "height=\"{1:.0f}\" "
                  "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n<rect width=\"100%\" height=\"100%\" "
                  "fill=\"#ffffff\"/>\n",
                  width, height)) {}

void SvgPage::text(double x, double y, double size, const char* anchor, const std::string& words, const char* more,
                   const char* color) {
  out_ += format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\" {}>{}</text>\n", x, y,
                 size, anchor, color, more, xml_escaped(words));
}

void SvgPage::rectangle(const Box& box, const Look& look, double radius) {
  out_ += format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{}\" fill=\"{}\" stroke=\"{}\"/>\n",
      box.x, box.y, box.width, box.height, radius, look.fill, look.line);
}

void SvgPage::rectangle(const Box& box, const Look& look, double radius, const std::string& hint, const char* more) {
  out_ += format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{}\" fill=\"{}\" stroke=\"{}\"{}>"
      "<title>{}</title></rect>\n",
      box.x, box.y, box.width, box.height, radius, look.fill, look.line, more, xml_escaped(hint));
}

void SvgPage::path(const std::string& points, const char* color, double width, double opacity, const std::string& hint,
                   const char* more) {
  out_ += format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\" "
      "stroke-opacity=\"{}\"{}><title>{}</title></path>\n",
      points, color, width, opacity, more, xml_escaped(hint));
}

std::string SvgPage::close() && { return std::move(out_) + "</svg>\n"; }

}  // namespace stretto::topology
