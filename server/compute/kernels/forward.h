// The forward pass of training, and encode and decode of inference.
#pragma once
#include "activation.h"
#include "select-blocks.h"

namespace ssae {

// b_dec − y [+ x W_skip] of a block's tokens into the first level of the residuals.
static void beginResiduals(Dictionary& d, Workspace& w, size_t first, int rows) {
  float* residuals = d.level(0) + first * d.outStride;
  for (int row = 0; row < rows; row++) {
    const float* y = d.target(first + row);
    for (size_t i = 0; i < d.outStride; i += kLanes)
      store(residuals + row * d.outStride + i, load(&d.parameters.decoderBias[i]) - load(y + i));
  }
  if (!d.shape.skips) return;
  const int tiles = packBlock(d, w, &d.tokens[first * d.stride], rows, nullptr);
  multiply(w, tiles, d.skipPanels, d.shape.dIn, [&](const float* products, uint32_t column, int count) {
    const int left = d.shape.dOut - static_cast<int>(column);
    for (int row = 0; row < rows; row++)
      for (int i = 0; i < (left < count ? left : count); i++)
        residuals[row * d.outStride + column + i] += products[row * kSliceStride + i];
  });
}

// Adds a token's features to its residuals, level by level; returns Σ over levels of ‖x̂⁽ᵐ⁾ − y‖². Level l ends as Σ over m ≥ l.
static double reconstruct(const Dictionary& d, size_t token, const float* decoded) {
  const int length = static_cast<int>(d.outStride);
  const uint32_t* features = &d.activations.features[d.activations.start[token]];
  const uint32_t count = d.activations.count[token], levels = d.levels();
  double loss = 0;
  for (uint32_t level = 0, q = 0; level < levels; level++) {
    float* residual = d.level(level) + token * d.outStride;
    if (level > 0) __builtin_memcpy(residual, d.level(level - 1) + token * d.outStride, d.outStride * sizeof(float));
    uint32_t end = q;
    while (end < count && (levels == 1 || features[end] < d.widths[level])) end++;
    addRows(d.parameters.decoder.data(), d.outStride, features + q, decoded + q, end - q, length, residual);
    loss += dot(residual, residual, length);
    q = end;
  }
  for (uint32_t level = levels - 1; level-- > 0;)
    addScaled(1, d.level(level + 1) + token * d.outStride, length, d.level(level) + token * d.outStride);
  return loss;
}

// Losses and residuals of a block's tokens, which become z.
static void finishTraining(Dictionary& d, Workspace& w, size_t first, int rows) {
  const Activations& a = d.activations;
  const int length = static_cast<int>(d.outStride);
  uint32_t active = 0;
  beginResiduals(d, w, first, rows);
  for (size_t token = first; token < first + rows; token++) {
    const uint32_t* features = &a.features[a.start[token]];
    const float *seen = &a.values[a.start[token]], *decoded = seen;
    const uint32_t count = a.count[token];
    if (d.shape.kind == kGated) {
      float* residual = &d.gateResiduals[token * d.outStride];
      __builtin_memcpy(residual, d.level(0) + token * d.outStride, d.outStride * sizeof(float));
      addRows(d.parameters.decoder.data(), d.outStride, features, seen, count, length, residual);
    }
    if (!isDecodedAsSeen(d.shape)) {
      for (uint32_t q = 0; q < count; q++) w.decoded[q] = decodedOf(d, features[q], seen[q]);
      decoded = w.decoded.data();
    }
    for (uint32_t q = 0; q < count; q++) active += decoded[q] > 0;
    d.reconstructionLoss[token] = reconstruct(d, token, decoded);
    d.sparsityLoss[token] =
        d.shape.penalised() ? d.settings.sparsityCoefficient * penaltyOf(d, features, seen, count) : 0;
    if (d.shape.shiftsInput)
      addScaled(-1, d.parameters.decoderBias.data(), static_cast<int>(d.stride), &d.tokens[token * d.stride]);
  }
  d.blockActive[first / kBlockTokens] = active;
}

// For inference what the gate let through becomes f; what is zero is taken out.
static void finishInference(Dictionary& d, size_t first, int rows) {
  Activations& a = d.activations;
  uint32_t active = 0;
  for (size_t token = first; token < first + rows; token++) {
    const size_t start = a.start[token];
    uint32_t kept = 0;
    for (size_t at = start; at < start + a.count[token]; at++) {
      const float f = activationOf(d, a.features[at], a.values[at]);
      if (f == 0) continue;
      a.features[start + kept] = a.features[at];
      a.values[start + kept++] = f;
    }
    a.count[token] = kept;
    active += kept;
  }
  d.blockActive[first / kBlockTokens] = active;
}

static void beginForward(Dictionary& d, bool trains) {
  const size_t tokens = d.tokenCount(), limited = static_cast<size_t>(d.shape.k) * (d.shape.kind == kBatchTopK ? 2 : 1);
  const size_t few = d.shape.dSae / 16 + 1;
  d.results = Results{0, -1, 0, 0, 0, 0, 0};
  d.notFinite = INT64_MAX;
  d.panels.features = d.shape.dSae;
  if (!d.packed) d.panels.packed = false;
  d.require(d.blockActive.reserveScratch(d.blocks()));
  if (d.shape.kind == kJumpRelu) findLimits(d, trains);
  const bool isLimited = d.shape.kind == kTopK || d.shape.kind == kBatchTopK;
  beginBlocks(d, d.activations, ruleOf(d), isLimited ? limited : few, d.shape.dSae);
  beginScreening(d, ruleOf(d));
  if (!trains) return;
  const size_t outputs = tokens * d.outStride;
  d.require(d.residuals.reserveScratch(d.levels() * outputs) && d.reconstructionLoss.reserveScratch(tokens) &&
            d.sparsityLoss.reserveScratch(tokens));
  if (d.shape.kind == kGated) d.require(d.gateResiduals.reserveScratch(outputs));
}

static void packSkip(Dictionary& d) {
  const size_t depth = d.shape.dIn;
  d.team.share(static_cast<uint32_t>(d.skipPanels.count()), [&](uint32_t panel) {
    const auto row = [&](int column) -> long {
      const long index = static_cast<long>(panel) * kTileColumns + column;
      return index < d.shape.dOut ? index : -1;
    };
    packPanel(d.parameters.skip.data(), d.stride, d.shape.dIn, row, [](long) { return 1.0f; },
              &d.skipPanels.weights[panel * kTileColumns * depth]);
    for (int column = 0; column < kTileColumns; column++) d.skipPanels.bias[panel * kTileColumns + column] = 0;
  });
}

// What is derived from the parameters and kept until they change: norms, gains, the packed skip. Every thread.
static void derive(Dictionary& d, uint32_t thread, bool packsSkip) {
  d.team.serial(thread, [&] {
    const Shape& s = d.shape;
    if (s.usesNorms()) d.require(d.decoderNorms.reserveScratch(s.dSae));
    if (s.kind == kGated) d.require(d.gains.reserveScratch(s.dSae));
    if (s.skips) d.require(d.skipPanels.reserve(s.dOut, s.dIn));
  });
  if (d.failed()) return;
  const uint32_t part = d.partFeatures();
  d.team.share(kFeatureParts, [&](uint32_t index) {
    for (uint32_t j = index * part; j < (index + 1) * part && j < d.shape.dSae; j++) {
      const float* row = &d.parameters.decoder[j * d.outStride];
      if (d.shape.usesNorms()) d.decoderNorms[j] = __builtin_sqrtf(dot(row, row, static_cast<int>(d.outStride)));
      if (d.shape.kind == kGated) d.gains[j] = static_cast<float>(exponential(d.parameters.magnitudeScale[j]));
    }
  });
  d.team.serial(thread, [] {});
  if (!packsSkip || !d.shape.skips) return;
  packSkip(d);
  d.team.serial(thread, [] {});
}

// Encodes d.tokens; when it trains, also residuals and losses, and leaves z in d.tokens.
static void encodeTokens(Dictionary& d, uint32_t thread, bool trains) {
  d.team.serial(thread, [&] { beginForward(d, trains); });
  if (d.failed()) return;
  if (!d.packed) derive(d, thread, true);
  d.team.serial(thread, [&] { d.packed = true; });
  if (d.failed()) return;
  Workspace& w = d.workspaces[thread];
  selectBlocks(d, thread, [&](size_t first, int rows) {
    if (trains)
      finishTraining(d, w, first, rows);
    else
      finishInference(d, first, rows);
  });
  d.team.serial(thread, [&] {
    if (d.failed()) return;
    d.results.active = 0;
    for (uint32_t block = 0; block < d.blocks(); block++) d.results.active += d.blockActive[block];
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

// f W_dec + b_dec of the compressed rows into d.output.
static void decodeRows(Dictionary& d, uint32_t thread) {
  d.team.serial(thread, [&] {
    d.results = Results{0, -1, 0, 0, 0, 0, 0};
    d.require(d.output.reserveScratch(d.tokenCount() * d.outStride));
    for (uint32_t t = 0; d.shape.rescaled && t < d.team.threads(); t++)
      d.require(d.workspaces[t].decoded.reserveScratch(d.shape.dSae));
  });
  if (d.failed()) return;
  if (d.shape.rescaled) derive(d, thread, false);
  if (d.failed()) return;
  float* decoded = d.workspaces[thread].decoded.data();
  d.team.share(d.blocks(), [&](uint32_t block) {
    for (uint32_t token = block * kBlockTokens; token < (block + 1) * kBlockTokens && token < d.tokenCount(); token++) {
      float* row = &d.output[token * d.outStride];
      __builtin_memcpy(row, d.parameters.decoderBias.data(), d.outStride * sizeof(float));
      const uint32_t offset = d.rowOffsets[token], count = d.rowOffsets[token + 1] - offset;
      const float* values = d.rowValues.data() + offset;
      for (uint32_t q = 0; d.shape.rescaled && q < count; q++)
        decoded[q] = decodedOf(d, d.rowFeatures[offset + q], values[q]);
      addRows(d.parameters.decoder.data(), d.outStride, d.rowFeatures.data() + offset, d.shape.rescaled ? decoded : values,
              count, static_cast<int>(d.outStride), row);
    }
  });
}

}  // namespace ssae
