// What pictures of machines and of clusters share: a page that SVG is written to, and how parts look on it. Knows
// nothing of topologies.
#pragma once

#include <string>

#include "topology/files/box.hpp"

namespace stretto::topology {

struct Look {
  const char* fill;
  const char* line;
};
inline constexpr Look kNumaLook{"#f7f8fa", "#c3cad4"};
inline constexpr Look kHeaderLook{"#dfe4ec", "#c3cad4"};
inline constexpr Look kBridgeLook{"#ffffff", "#8a94a3"};
inline constexpr Look kNicLook{"#dcebfa", "#4a86c5"};
inline constexpr Look kGpuLook{"#e2f2d5", "#5c9a2f"};
inline constexpr Look kSwitchLook{"#ede3f8", "#8558b8"};
inline constexpr const char* kInk = "#20262e";
inline constexpr const char* kWire = "#8a94a3";
inline constexpr const char* kNvlinkColor = "#5c9a2f";
inline constexpr const char* kXgmiColor = "#c0503c";
inline constexpr const char* kC2cColor = "#d08a1d";

/// As many letters as fit a width, in a font of this size.
std::string fitting(const std::string& text, double width, double size);
/// Whether all of them do.
bool fits(const std::string& text, double width, double size);

class SvgPage {
 public:
  /// White, without anything from outside.
  SvgPage(double width, double height);

  /// @param anchor "start", "middle" or "end": of the words, what lies at x
  void text(double x, double y, double size, const char* anchor, const std::string& words, const char* more = "",
            const char* color = kInk);
  void rectangle(const Box& box, const Look& look, double radius);
  /// @param hint what a browser shows where the pointer rests
  void rectangle(const Box& box, const Look& look, double radius, const std::string& hint, const char* more = "");
  void path(const std::string& points, const char* color, double width, double opacity, const std::string& hint,
            const char* more = "");

  std::string close() &&;

 private:
  std::string out_;
};

}  // namespace stretto::topology
