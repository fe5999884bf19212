// From what the selection saw of a feature to its activation f, and the penalty on it.
#pragma once
#include "dictionary.h"
#include "exponential.h"

namespace ssae {

// f of feature j.
static inline float activationOf(const Dictionary& d, uint32_t j, float seen) {
  if (d.shape.kind == kJumpRelu) return seen > d.parameters.threshold[j] ? seen : 0;
  if (d.shape.kind != kGated) return seen;
  const float magnitude = d.gains[j] * (seen - d.parameters.encoderBias[j]) + d.parameters.magnitudeBias[j];
  return magnitude > 0 ? magnitude : 0;
}

// What multiplies W_dec[j].
static inline float decodedOf(const Dictionary& d, uint32_t j, float seen) {
  if (!d.shape.rescaled) return activationOf(d, j, seen);
  return d.decoderNorms[j] > 0 ? seen / d.decoderNorms[j] : 0;
}

// Whether what the selection saw multiplies the decoder as it is.
static inline bool isDecodedAsSeen(const Shape& shape) {
  return shape.kind != kJumpRelu && shape.kind != kGated && !shape.rescaled;
}

// A token's penalty without λ.
static double penaltyOf(const Dictionary& d, const uint32_t* features, const float* seen, uint32_t count) {
  double total = 0;
  for (uint32_t q = 0; q < count; q++) {
    const uint32_t j = features[q];
    if (d.shape.kind != kJumpRelu) {
      total += d.shape.normWeighted ? seen[q] * d.decoderNorms[j] : seen[q];
      continue;
    }
    const float f = activationOf(d, j, seen[q]);
    total += d.shape.tanhPenalty ? hyperbolicTangent(d.settings.tanhScale * f * d.decoderNorms[j]) : f > 0;
  }
  return total;
}

}  // namespace ssae
