// W_skip of a skip transcoder (2501.18823): ∂W_skip[o, :] = Σ_i 2 w_i r_io x_i, one GEMM over the tokens of the batch.
#pragma once
#include "encode.h"

namespace ssae {

// Output rows that one thread takes at a time.
constexpr uint32_t kSkipRows = kBlockTokens;

static inline uint32_t skipBlocks(const Dictionary& d) { return (d.shape.dOut + kSkipRows - 1) / kSkipRows; }

static bool reserveSkipGradient(Dictionary& d) {
  const size_t padded = roundUp(d.stride, kTileColumns), tokens = d.tokenCount();
  bool reserved = d.skipGradient.reserveScratch(roundUp(d.shape.dOut, kSkipRows) * padded) &&
                  d.tokenPanels.reserveScratch(padded * tokens) && d.skipBias.reserve(padded);
  for (uint32_t t = 0; t < d.team.threads(); t++)
    reserved = reserved && d.workspaces[t].packedScaled.reserveScratch(kSkipRows * tokens);
  return reserved;
}

// 2 w_i r_io of kTileRows outputs, token by token.
static void packScaled(const Dictionary& d, uint32_t firstOutput, float* packed) {
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    for (int row = 0; row < kTileRows; row++) {
      const uint32_t output = firstOutput + row;
      packed[token * kTileRows + row] =
          output < static_cast<uint32_t>(d.shape.dOut) ? d.scales[token] * d.level(0)[token * d.outStride + output] : 0;
    }
}

// After `beginBackward`. Every thread.
static void findSkipGradient(Dictionary& d, uint32_t thread) {
  const size_t padded = roundUp(d.stride, kTileColumns), tokens = d.tokenCount();
  d.team.serial(thread, [] {});
  d.team.share(static_cast<uint32_t>(padded / kTileColumns), [&](uint32_t panel) {
    float* to = &d.tokenPanels[panel * kTileColumns * tokens];
    for (size_t token = 0; token < tokens; token++)
      for (int column = 0; column < kTileColumns; column++) {
        const size_t i = panel * kTileColumns + column;
        to[token * kTileColumns + column] = i < d.stride ? d.tokens[token * d.stride + i] : 0;
      }
  });
  d.team.serial(thread, [] {});
  float* packed = d.workspaces[thread].packedScaled.data();
  constexpr int kTiles = kSkipRows / kTileRows;
  d.team.share(skipBlocks(d), [&](uint32_t block) {
    for (int tile = 0; tile < kTiles; tile++)
      packScaled(d, block * kSkipRows + tile * kTileRows, packed + tile * kTileRows * tokens);
    multiplyPanels(packed, kTiles, d.tokenPanels.data(), d.skipBias.data(), static_cast<int>(tokens), 0,
                   static_cast<int>(padded / kTileColumns), &d.skipGradient[block * kSkipRows * padded], padded);
  });
  d.team.serial(thread, [] {});
}

static double skipSquares(const Dictionary& d) {
  if (!d.shape.skips || d.settings.partial != 0) return 0;
  const size_t padded = roundUp(d.stride, kTileColumns);
  double squares = 0;
  for (int o = 0; o < d.shape.dOut; o++) squares += dot(&d.skipGradient[o * padded], &d.skipGradient[o * padded], static_cast<int>(d.stride));
  return squares;
}

static void storeSkipGradient(Dictionary& d) {
  if (!d.shape.skips) return;
  const size_t padded = roundUp(d.stride, kTileColumns);
  for (int o = 0; o < d.shape.dOut; o++) {
    float* row = &d.gradient.skip[o * d.stride];
    if (d.settings.partial != 0)
      __builtin_memset(row, 0, d.stride * sizeof(float));
    else
      __builtin_memcpy(row, &d.skipGradient[o * padded], d.stride * sizeof(float));
  }
}

// Adds the gradient to that of the pieces of a batch before it.
static void addSkipGradient(Dictionary& d) {
  if (!d.shape.skips || d.settings.partial != 0) return;
  const size_t padded = roundUp(d.stride, kTileColumns);
  for (int o = 0; o < d.shape.dOut; o++)
    addScaled(1, &d.skipGradient[o * padded], static_cast<int>(d.stride), &d.gradient.skip[o * d.stride]);
}

// The gradient of all pieces of a batch.
static void loadSkipGradient(Dictionary& d) {
  if (!d.shape.skips) return;
  const size_t padded = roundUp(d.stride, kTileColumns);
  for (int o = 0; o < d.shape.dOut; o++)
    __builtin_memcpy(&d.skipGradient[o * padded], &d.gradient.skip[o * d.stride], d.stride * sizeof(float));
}

static void updateSkip(Dictionary& d, const Adam& adam) {
  if (!d.shape.skips) return;
  const size_t padded = roundUp(d.stride, kTileColumns);
  for (int o = 0; o < d.shape.dOut; o++)
    stepRow(adam, kOfSkip, static_cast<uint32_t>(o), &d.parameters.skip[o * d.stride], d.first.skip, d.second.skip, o * d.stride,
            &d.skipGradient[o * padded], d.clipScale, static_cast<int>(d.stride));
}

}  // namespace ssae
