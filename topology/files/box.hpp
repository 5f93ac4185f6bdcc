// A rectangle of a picture, in its pixels: y grows downwards.
#pragma once

namespace stretto::topology {

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
  double center() const { return x + width / 2; }
};

}  // namespace stretto::topology
