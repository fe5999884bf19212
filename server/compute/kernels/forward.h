// The forward pass of training, and encode and decode of inference.
#pragma once
#include "encode.h"

namespace ssae {

// x̂ − x of one token into `residual`; returns ‖x̂ − x‖².
static inline double reconstruct(const Dictionary& d, size_t token, float* residual) {
  const float* x = &d.tokens[token * d.stride];
  for (size_t i = 0; i < d.stride; i += kLanes) store(residual + i, load(&d.parameters.decoderBias[i]) - load(x + i));
  const size_t start = d.activations.start[token];
  addRows(d.parameters.decoder.data(), d.stride, &d.activations.features[start], &d.activations.values[start],
          d.activations.count[token], static_cast<int>(d.stride), residual);
  return dot(residual, residual, static_cast<int>(d.stride));
}

// λ Σ_j f_j u_j, or λ Σ_j f_j.
static inline double penaltyOf(const Dictionary& d, size_t token) {
  const size_t start = d.activations.start[token];
  double total = 0;
  for (uint32_t q = 0; q < d.activations.count[token]; q++) {
    const float value = d.activations.values[start + q];
    total += d.shape.normWeighted ? value * d.decoderNorms[d.activations.features[start + q]] : value;
  }
  return d.settings.sparsityCoefficient * total;
}

static void beginForward(Dictionary& d, bool trains) {
  const size_t tokens = d.tokenCount();
  d.results = Results{0, -1, 0, 0, 0, 0};
  d.require(d.panels.reserve(d.shape.dSae, d.shape.dIn));
  beginBlocks(d, d.activations, d.shape.k, d.shape.dSae);
  if (!trains) return;
  d.require(d.residuals.reserve(tokens * d.stride) && d.reconstructionLoss.reserveScratch(tokens) &&
            d.sparsityLoss.reserveScratch(tokens));
  if (d.shape.normWeighted) d.require(d.decoderNorms.reserveScratch(d.shape.dSae));
}

// Encodes d.tokens; when it trains, also residuals and losses, and leaves z in d.tokens.
static void encodeTokens(Dictionary& d, uint32_t thread, bool trains) {
  d.team.serial(thread, [&] {
    beginForward(d, trains);
    d.notFinite = INT64_MAX;
  });
  if (d.failed()) return;
  const bool packed = d.packed;
  if (!packed) pack(d, d.panels, [](size_t index) { return index; });
  d.team.serial(thread, [&] { d.packed = true; });
  if (trains && d.shape.normWeighted) {
    const uint32_t part = d.partFeatures();
    d.team.share(kFeatureParts, [&](uint32_t index) {
      for (uint32_t j = index * part; j < (index + 1) * part && j < d.shape.dSae; j++) {
        const float* row = &d.parameters.decoder[j * d.stride];
        d.decoderNorms[j] = __builtin_sqrtf(dot(row, row, static_cast<int>(d.stride)));
      }
    });
    d.team.serial(thread, [] {});
  }
  const float* shift = d.shape.shiftsInput ? d.parameters.decoderBias.data() : nullptr;
  Workspace& w = d.workspaces[thread];
  everyBlock(d, d.activations, thread, [&](size_t first, int rows) {
    checkFinite(d, d.notFinite, first, rows);
    select(d, w, d.panels, d.shape.k, &d.tokens[first * d.stride], rows, shift);
    if (!keep(w, d.activations, first, rows, [](uint32_t feature) { return feature; })) return false;
    if (!trains) return true;
    for (size_t token = first; token < first + rows; token++) {
      d.reconstructionLoss[token] = reconstruct(d, token, &d.residuals[token * d.stride]);
      d.sparsityLoss[token] = d.shape.penalised ? penaltyOf(d, token) : 0;
      if (shift != nullptr) addScaled(-1, shift, static_cast<int>(d.stride), &d.tokens[token * d.stride]);
    }
    return true;
  });
  d.team.serial(thread, [&] {
    d.results.active = static_cast<double>(d.activations.used);
    d.results.notFiniteRow = d.notFinite == INT64_MAX ? -1 : static_cast<double>(d.notFinite);
  });
}

// Encodes d.tokens into compressed rows in token order.
static void encodeRows(Dictionary& d, uint32_t thread) {
  encodeTokens(d, thread, false);
  const Activations& a = d.activations;
  d.team.serial(thread, [&] {
    d.require(d.rowOffsets.reserveScratch(d.tokenCount() + 1) && d.rowFeatures.reserveScratch(a.used) &&
              d.rowValues.reserveScratch(a.used));
    if (d.failed()) return;
    uint32_t offset = 0;
    for (uint32_t token = 0; token < d.tokenCount(); token++) {
      d.rowOffsets[token] = offset;
      offset += a.count[token];
    }
    d.rowOffsets[d.tokenCount()] = offset;
  });
  if (d.failed()) return;
  d.team.share(d.blocks(), [&](uint32_t block) {
    for (uint32_t token = block * kBlockTokens; token < (block + 1) * kBlockTokens && token < d.tokenCount(); token++) {
      const uint32_t offset = d.rowOffsets[token];
      if (a.count[token] == 0) continue;
      __builtin_memcpy(&d.rowFeatures[offset], &a.features[a.start[token]], a.count[token] * sizeof(uint32_t));
      __builtin_memcpy(&d.rowValues[offset], &a.values[a.start[token]], a.count[token] * sizeof(float));
    }
  });
}

// x̂ of the compressed rows into d.output.
static void decodeRows(Dictionary& d, uint32_t thread) {
  d.team.serial(thread, [&] {
    d.results = Results{0, -1, 0, 0, 0, 0};
    d.require(d.output.reserveScratch(d.tokenCount() * d.stride));
  });
  if (d.failed()) return;
  d.team.share(d.blocks(), [&](uint32_t block) {
    for (uint32_t token = block * kBlockTokens; token < (block + 1) * kBlockTokens && token < d.tokenCount(); token++) {
      float* row = &d.output[token * d.stride];
      __builtin_memcpy(row, d.parameters.decoderBias.data(), d.stride * sizeof(float));
      const uint32_t offset = d.rowOffsets[token];
      addRows(d.parameters.decoder.data(), d.stride, d.rowFeatures.data() + offset, d.rowValues.data() + offset,
              d.rowOffsets[token + 1] - offset, static_cast<int>(d.stride), row);
    }
  });
}

}  // namespace ssae
