// Arithmetic on padded rows: dot products, weighted sums of scattered rows, Adam.
#pragma once
#include "vector.h"

namespace ssae {

static inline float dot(const float* left, const float* right, int length) {
  Vector sums[4] = {};
  int i = 0;
  for (; i + 4 * kLanes <= length; i += 4 * kLanes)
    for (int part = 0; part < 4; part++)
      sums[part] = multiplyAdd(load(left + i + part * kLanes), load(right + i + part * kLanes), sums[part]);
  for (; i < length; i += kLanes) sums[0] = multiplyAdd(load(left + i), load(right + i), sums[0]);
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static inline void addScaled(float scale, const float* row, int length, float* to) {
  const Vector factor = broadcast(scale);
  for (int i = 0; i < length; i += kLanes) store(to + i, multiplyAdd(factor, load(row + i), load(to + i)));
}

template <int kVectors>
static inline void addRowsPart(const float* rows, size_t stride, const uint32_t* chosen, const float* scales,
                               uint32_t count, float* to) {
  Vector sums[kVectors];
  for (int part = 0; part < kVectors; part++) sums[part] = load(to + part * kLanes);
  for (uint32_t q = 0; q < count; q++) {
    const float* row = rows + chosen[q] * stride;
    const Vector factor = broadcast(scales[q]);
    for (int part = 0; part < kVectors; part++) sums[part] = multiplyAdd(factor, load(row + part * kLanes), sums[part]);
  }
  for (int part = 0; part < kVectors; part++) store(to + part * kLanes, sums[part]);
}

// to += Σ_q scales[q] · rows[chosen[q]], in the order given; the sums stay in registers.
static inline void addRows(const float* rows, size_t stride, const uint32_t* chosen, const float* scales, uint32_t count,
                           int length, float* to) {
  int i = 0;
  for (; i + 8 * kLanes <= length; i += 8 * kLanes) addRowsPart<8>(rows + i, stride, chosen, scales, count, to + i);
  for (; i < length; i += kLanes) addRowsPart<1>(rows + i, stride, chosen, scales, count, to + i);
}

// Adam (1412.6980) with both bias corrections folded into two factors.
struct Adam {
  // learning rate / (1 − β₁ᵗ)
  float stepSize;
  // 1 / √(1 − β₂ᵗ)
  float rootCorrection;
  float beta1, beta2, rest1, rest2, epsilon;
  // Its number, from 1 on.
  uint32_t number;

  // One padded row, with its moments (moments.h). Returns whether any of them is still non-zero.
  template <class Moments>
  bool step(float* parameters, const Moments& moments, const float* gradient, float scale, int length) const {
    const Vector factor = broadcast(scale), decay1 = broadcast(beta1), decay2 = broadcast(beta2);
    const Vector new1 = broadcast(rest1), new2 = broadcast(rest2), root = broadcast(rootCorrection);
    const Vector smallest = broadcast(epsilon), size = broadcast(stepSize);
    IntVector bits = {};
    for (int i = 0; i < length; i += kLanes) {
      const Vector g = load(gradient + i) * factor;
      const Vector m = flushSubnormal(decay1 * moments.firstAt(i) + new1 * g);
      const Vector v = flushSubnormal(decay2 * moments.secondAt(i) + new2 * g * g);
      bits |= moments.put(i, m, v);
      store(parameters + i, load(parameters + i) - size * m / (squareRoot(v) * root + smallest));
    }
    int32_t any = 0;
    for (int lane = 0; lane < kLanes; lane++) any |= bits[lane];
    return (any & 0x7fffffff) != 0;
  }

  bool step(float& parameter, float& first, float& second, float gradient) const {
    first = flush(beta1 * first + rest1 * gradient);
    second = flush(beta2 * second + rest2 * gradient * gradient);
    parameter -= stepSize * first / (__builtin_sqrtf(second) * rootCorrection + epsilon);
    return first != 0 || second != 0;
  }

 private:
  static float flush(float value) { return __builtin_fabsf(value) < 1.17549435e-38f ? 0 : value; }
};

}  // namespace ssae
