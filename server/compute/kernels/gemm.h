// Pre-activations of a block of tokens: C[tokens, features] = A[tokens, d_in] · W[features, d_in]ᵀ + bias.
//
// Blocked as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): W and A are packed into
// panels that the tile reads in order. Every element is summed over d_in in one fixed order, whatever the block it is in.
#pragma once
#include "vector.h"

namespace ssae {

// d_in is cut so that a panel's part (kTileColumns × kDepth) stays in the first-level cache.
constexpr int kDepth = 256;
// Tokens of one block: what one thread takes at a time.
constexpr int kBlockTokens = 96;
static_assert(kBlockTokens % kTileRows == 0, "blocks are whole tiles");

// Rows of W, chosen by `rowOf(column)` (negative: none) and multiplied by `scaleOf(row)`, into one panel [d_in, kTileColumns].
template <class RowOf, class ScaleOf>
static inline void packPanel(const float* weights, size_t stride, int depth, RowOf rowOf, ScaleOf scaleOf, float* panel) {
  for (int column = 0; column < kTileColumns; column++) {
    const long row = rowOf(column);
    if (row < 0) {
      for (int k = 0; k < depth; k++) panel[k * kTileColumns + column] = 0;
      continue;
    }
    const float* from = weights + static_cast<size_t>(row) * stride;
    const float scale = scaleOf(row);
    for (int k = 0; k < depth; k++) panel[k * kTileColumns + column] = scale * from[k];
  }
}

// kTileRows tokens into [d_in, kTileRows]; `shift` (or null) is subtracted, rows from `rows` on are zero.
static inline void packTokens(const float* tokens, size_t stride, int rows, int depth, const float* shift, float* packed) {
  for (int row = 0; row < kTileRows; row++) {
    const float* from = tokens + static_cast<size_t>(row) * stride;
    for (int k = 0; k < depth; k++)
      packed[k * kTileRows + row] = row >= rows ? 0 : shift == nullptr ? from[k] : from[k] - shift[k];
  }
}

template <bool kContinue>
static inline __attribute__((always_inline)) void tile(int depth, const float* a, const float* b, const float* bias,
                                                       float* c, size_t stride) {
  Vector sums[kTileRows][2];
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; row++) {
    sums[row][0] = load(kContinue ? c + row * stride : bias);
    sums[row][1] = load((kContinue ? c + row * stride : bias) + kLanes);
  }
  for (int k = 0; k < depth; k++) {
    const Vector left = load(b), right = load(b + kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < kTileRows; row++) {
      const Vector value = broadcast(a[row]);
      sums[row][0] = multiplyAdd(value, left, sums[row][0]);
      sums[row][1] = multiplyAdd(value, right, sums[row][1]);
    }
    a += kTileRows;
    b += kTileColumns;
  }
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; row++) {
    store(c + row * stride, sums[row][0]);
    store(c + row * stride + kLanes, sums[row][1]);
  }
}

// Panels [first, last) for all packed tokens of a block; `bias` [panels, kTileColumns]; c [tokens, stride].
static inline void multiplyPanels(const float* packedTokens, int rowTiles, const float* panels, const float* bias,
                                  int depth, int first, int last, float* c, size_t stride) {
  for (int panel = first; panel < last; panel++) {
    const float* weights = panels + static_cast<size_t>(panel) * kTileColumns * depth;
    float* column = c + static_cast<size_t>(panel - first) * kTileColumns;
    for (int start = 0; start < depth; start += kDepth) {
      const int part = depth - start < kDepth ? depth - start : kDepth;
      const float* b = weights + static_cast<size_t>(start) * kTileColumns;
      for (int rows = 0; rows < rowTiles; rows++) {
        const float* a = packedTokens + (static_cast<size_t>(rows) * depth + start) * kTileRows;
        float* to = column + static_cast<size_t>(rows) * kTileRows * stride;
        if (start == 0)
          tile<false>(part, a, b, bias + static_cast<size_t>(panel) * kTileColumns, to, stride);
        else
          tile<true>(part, a, b, nullptr, to, stride);
      }
    }
  }
}

}  // namespace ssae
