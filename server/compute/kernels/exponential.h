// e^x and tanh in float64: the WebAssembly build has no libm.
#pragma once
#include <stdint.h>

namespace ssae {

// To about 1 in 10¹⁵: x = n ln 2 + r, |r| ≤ ln 2 / 2, and thirteen terms of e^r.
static inline double exponential(double x) {
  if (!(x < 709)) return x >= 709 ? __builtin_inf() : x;
  if (x < -708) return 0;
  const int64_t n = static_cast<int64_t>(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
  const double r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
  double sum = 1;
  for (int term = 13; term > 0; term--) sum = 1 + sum * r / term;
  const uint64_t bits = static_cast<uint64_t>(n + 1023) << 52;
  double power;
  __builtin_memcpy(&power, &bits, sizeof(power));
  return sum * power;
}

static inline double hyperbolicTangent(double x) { return 1 - 2 / (exponential(2 * x) + 1); }

}  // namespace ssae
