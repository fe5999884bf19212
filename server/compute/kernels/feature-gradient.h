// One feature's gradient over the tokens that have it, for every architecture.
//
// g_ij = 2 w_i r_i·W_dec[j] is ∂recon/∂f. With λ' = λ w'_i:
//   relu      δ = g + λ' u_j;  ∂W_dec += λ' f W_dec/u  (weighted penalty)
//   top-k     δ = g
//   jumprelu  G = g + λ' c u (1 − tanh²(c f u)), v = (pre − θ)/ε, K = 1 for |v| < ½ (2407.14435, Anthropic January 2025)
//             δ = G 1[pre > θ] (+ K (θ/ε G + λ'/ε) when the kernel reaches the input), ∂θ = −K (θ/ε G + λ'/ε);
//             λ'/ε belongs to the step penalty, c to the tanh one
//   gated     q = relu(π + b_gate), h = 2/B r_gate·W_dec[j] + λ' (u_j in SAELens' variant) (2404.16014)
//             δπ = g e^r 1[m > 0] + h, m = e^r π + b_mag, ∂b_gate = h, ∂b_mag = g 1[m > 0], ∂r = g e^r π 1[m > 0]
#pragma once
#include "auxiliary.h"

namespace ssae {

// One reconstruction that features take part in: the batch's, or the auxiliary one.
struct Source {
  const Activations& activations;
  const float* residuals;
  const float* scales;     // [tokens] of ∇‖r‖²
  const float* penalties;  // [tokens] λ', or null
  bool isBatch;
};

// Sums over tokens of a feature's scalar gradients. `shift` is Σ δ, which reaches b_dec through z.
struct ScalarGradients {
  double encoderBias = 0, shift = 0, threshold = 0, magnitudeScale = 0, magnitudeBias = 0;
  // Of the penalty's pull along the decoder's own direction: ∂W_dec += along · W_dec.
  double along = 0;

  double squares() const {
    return encoderBias * encoderBias + threshold * threshold + magnitudeScale * magnitudeScale +
           magnitudeBias * magnitudeBias;
  }
};

// One (token, feature): what the formulas above need.
struct Entry {
  float seen, pull;  // `pull` is g
  float penalty;     // λ'
  float norm;        // u_j where the penalty has it, else 1
};

// What an entry gives back: δ for W_enc, and f for W_dec.
struct Drive {
  float delta, decoded;
};

static inline Drive driveJumpRelu(const Dictionary& d, uint32_t j, const Entry& e, ScalarGradients& sums) {
  const Shape& shape = d.shape;
  const float threshold = d.parameters.threshold[j], width = static_cast<float>(d.settings.bandwidth);
  const bool on = e.seen > threshold;
  const float f = on ? e.seen : 0, v = (e.seen - threshold) / width;
  const bool inWindow = v > -0.5f && v < 0.5f;
  float pull = e.pull;
  if (shape.tanhPenalty) {
    const double c = d.settings.tanhScale, t = hyperbolicTangent(c * f * e.norm), slope = e.penalty * c * (1 - t * t);
    pull += static_cast<float>(slope * e.norm);
    if (e.norm > 0) sums.along += slope * f / e.norm;
  }
  float delta = on ? pull : 0;
  if (inWindow) {
    const float edge = threshold / width * pull + (shape.tanhPenalty ? 0 : e.penalty / width);
    sums.threshold -= edge;
    if (shape.intoInput) delta += edge;
  }
  sums.encoderBias += delta;
  return {delta, f};
}

// `gate` is 2/B r_gate·W_dec[j].
static inline Drive driveGated(const Dictionary& d, uint32_t j, const Entry& e, float gate, ScalarGradients& sums) {
  const float gain = d.gains[j], pi = e.seen - d.parameters.encoderBias[j];
  const float magnitude = gain * pi + d.parameters.magnitudeBias[j];
  const float pull = magnitude > 0 ? e.pull : 0, gated = gate + e.penalty * e.norm;
  sums.magnitudeBias += pull;
  sums.magnitudeScale += static_cast<double>(pull) * gain * pi;
  sums.encoderBias += gated;
  if (d.shape.normWeighted && e.norm > 0) sums.along += static_cast<double>(e.penalty) * e.seen / e.norm;
  return {pull * gain + gated, magnitude > 0 ? magnitude : 0};
}

static inline Drive drive(const Dictionary& d, uint32_t j, const Entry& e, ScalarGradients& sums) {
  const float delta = e.pull + e.penalty * e.norm;
  sums.encoderBias += delta;
  if (d.shape.normWeighted && e.norm > 0) sums.along += static_cast<double>(e.penalty) * e.seen / e.norm;
  return {delta, decodedOf(d, j, e.seen)};
}

// Adds a source's gradient of feature j to its encoder and decoder rows and to the sums.
static void addGradient(const Dictionary& d, Workspace& w, const Source& source, uint32_t j, float* encoder,
                        float* decoder, ScalarGradients& sums) {
  const Activations& a = source.activations;
  const size_t start = a.featureStart[j], end = a.featureStart[j + 1];
  const uint32_t count = static_cast<uint32_t>(end - start);
  if (count == 0) return;
  const int length = static_cast<int>(d.outStride);
  const uint32_t* tokens = &a.byFeatureTokens[start];
  const float* row = &d.parameters.decoder[j * d.outStride];
  const float norm = d.shape.normWeighted ? d.decoderNorms[j] : 1;
  const bool jumps = source.isBatch && d.shape.kind == kJumpRelu, gates = source.isBatch && d.shape.kind == kGated;
  const float gateScale = 2.0f / d.batchTokens();
  for (uint32_t q = 0; q < count; q++) {
    const uint32_t token = tokens[q];
    const float scale = source.scales[token];
    const Entry entry = {a.byFeatureValues[start + q], scale * dot(source.residuals + token * d.outStride, row, length),
                         source.penalties == nullptr ? 0 : source.penalties[token], norm};
    const Drive driven =
        jumps   ? driveJumpRelu(d, j, entry, sums)
        : gates ? driveGated(d, j, entry, gateScale * dot(&d.gateResiduals[token * d.outStride], row, length), sums)
                : drive(d, j, entry, sums);
    w.scales[q] = scale * driven.decoded;
    w.deltas[q] = driven.delta;
    sums.shift += driven.delta;
  }
  addRows(source.residuals, d.outStride, tokens, w.scales.data(), count, length, decoder);
  addRows(d.tokens.data(), d.stride, tokens, w.deltas.data(), count, static_cast<int>(d.stride), encoder);
  if (!gates || !d.shape.trainsGateDecoder) return;
  for (uint32_t q = 0; q < count; q++) w.scales[q] = gateScale * a.byFeatureValues[start + q];
  addRows(d.gateResiduals.data(), d.outStride, tokens, w.scales.data(), count, length, decoder);
}

// The batch's residuals that feature j takes part in.
static inline const float* residualsOf(const Dictionary& d, uint32_t j) {
  uint32_t level = 0;
  while (level + 1 < d.levels() && j >= d.widths[level]) level++;
  return d.level(level);
}

}  // namespace ssae
