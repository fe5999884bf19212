// Pre-activations to about 8 bits, at twice the speed: products of bfloat16 pairs, and what is needed to bound their error.
//
// Only where the processor has AVX512-BF16; elsewhere the types are empty.
#pragma once
#include "gemm.h"
#include "memory.h"

namespace ssae {

#if defined(__AVX512BF16__)
// d_in is cut so that a panel's part (kTileColumns × kPairs) stays in the second-level cache; shorter parts store more partial sums.
constexpr int kPairs = 512;

// Encoder rows of all features as bfloat16 pairs, and per feature the terms of the bound (candidates.h).
struct RoundedPanels {
  Array<uint32_t> weights;                   // [panels, pairs, kTileColumns]
  Array<float> bias, norms, errors, offsets;  // [panels · kTileColumns] b, ‖w‖, ‖w − w̃‖, what belongs to b
  Array<float> largest;                       // [slices, 3] of the latter three
  bool reserve(size_t panels, int depth) {
    const size_t columns = panels * kTileColumns;
    return weights.reserveScratch(columns * ((depth + 1) / 2)) && bias.reserveScratch(columns) && norms.reserveScratch(columns) &&
           errors.reserveScratch(columns) && offsets.reserveScratch(columns);
  }
};

// The vector itself, which the compiler does not look through: clang 16 dies where it does on the way to or from bfloat16.
static inline __m512i opaque(__m512i vector) {
  asm("" : "+v"(vector));
  return vector;
}

// Σ v² and Σ (v − ṽ)² of a row, 16 partial sums each.
struct RowSquares {
  __m512 values = _mm512_setzero_ps(), errors = _mm512_setzero_ps();

  // 32 numbers as bfloat16 pairs, rounded to nearest even.
  __m512i round(__m512 low, __m512 high) {
    const __m512i pairs = opaque((__m512i)_mm512_cvtne2ps_pbh(high, low));
    const auto widened = [](__m256i half) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16)); };
    const __m512 lowError = low - widened(_mm512_castsi512_si256(pairs));
    const __m512 highError = high - widened(_mm512_extracti64x4_epi64(pairs, 1));
    values = _mm512_fmadd_ps(high, high, _mm512_fmadd_ps(low, low, values));
    errors = _mm512_fmadd_ps(highError, highError, _mm512_fmadd_ps(lowError, lowError, errors));
    return pairs;
  }
};

// A 16 × 16 matrix of 32-bit numbers, in place.
static inline __attribute__((always_inline)) void transpose16(__m512i m[16]) {
  __m512i t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    m[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    m[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    m[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    m[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; i++) {
    const __m512i even = _mm512_shuffle_i32x4(m[i], m[i + 4], 0x88), odd = _mm512_shuffle_i32x4(m[i], m[i + 4], 0xdd);
    const __m512i last = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0x88), most = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0xdd);
    t[i] = _mm512_shuffle_i32x4(even, last, 0x88);
    t[i + 8] = _mm512_shuffle_i32x4(even, last, 0xdd);
    t[i + 4] = _mm512_shuffle_i32x4(odd, most, 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(odd, most, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) m[i] = t[i];
}

// 32 numbers of a padded row from `k` on; zero beyond the row.
static inline void loadPairs(const float* row, int k, int stride, float scale, __m512& low, __m512& high) {
  const __m512 factor = _mm512_set1_ps(scale);
  low = factor * _mm512_loadu_ps(row + k);
  high = k + 16 < stride ? factor * _mm512_loadu_ps(row + k + 16) : _mm512_setzero_ps();
}

// One panel [pairs, kTileColumns] of rows as gemm.h's `packPanel` takes them; `squares` gets what each row's norms are made of.
template <class RowOf, class ScaleOf>
static inline void packRoundedPanel(const float* weights, size_t stride, int depth, RowOf rowOf, ScaleOf scaleOf, uint32_t* panel,
                                    RowSquares* squares) {
  const int pairs = (depth + 1) / 2;
  for (int half = 0; half < kTileColumns; half += kLanes)
    for (int k = 0; k < depth; k += 32) {
      __m512i m[16];
      for (int i = 0; i < 16; i++) {
        const long row = rowOf(half + i);
        m[i] = _mm512_setzero_si512();
        if (row < 0) continue;
        __m512 low, high;
        loadPairs(weights + static_cast<size_t>(row) * stride, k, static_cast<int>(stride), scaleOf(row), low, high);
        m[i] = squares[half + i].round(low, high);
      }
      transpose16(m);
      for (int i = 0; i < 16 && k / 2 + i < pairs; i++)
        _mm512_storeu_si512(panel + static_cast<size_t>(k / 2 + i) * kTileColumns + half, m[i]);
    }
}

// One padded token into column `row` of a tile [pairs, kTileRows].
static inline RowSquares packRoundedToken(const float* token, int stride, int depth, int row, uint32_t* packed) {
  const int pairs = (depth + 1) / 2;
  RowSquares squares;
  for (int k = 0; k < depth; k += 32) {
    __m512 low, high;
    loadPairs(token, k, stride, 1, low, high);
    alignas(64) uint32_t rounded[16];
    _mm512_store_si512(rounded, squares.round(low, high));
    for (int i = 0; i < 16 && k / 2 + i < pairs; i++) packed[static_cast<size_t>(k / 2 + i) * kTileRows + row] = rounded[i];
  }
  return squares;
}

template <bool kContinue>
static inline __attribute__((always_inline)) void roundedTile(int pairs, const uint32_t* a, const uint32_t* b, const float* bias,
                                                              float* c, size_t stride) {
  __m512 sums[kTileRows][2];
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; row++) {
    sums[row][0] = _mm512_loadu_ps(kContinue ? c + row * stride : bias);
    sums[row][1] = _mm512_loadu_ps((kContinue ? c + row * stride : bias) + kLanes);
  }
  for (int pair = 0; pair < pairs; pair++) {
    const __m512bh left = (__m512bh)_mm512_loadu_si512(b), right = (__m512bh)_mm512_loadu_si512(b + kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < kTileRows; row++) {
      const __m512bh value = (__m512bh)opaque(_mm512_set1_epi32(static_cast<int>(a[row])));
      sums[row][0] = _mm512_dpbf16_ps(sums[row][0], value, left);
      sums[row][1] = _mm512_dpbf16_ps(sums[row][1], value, right);
    }
    a += kTileRows;
    b += kTileColumns;
  }
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; row++) {
    _mm512_storeu_ps(c + row * stride, sums[row][0]);
    _mm512_storeu_ps(c + row * stride + kLanes, sums[row][1]);
  }
}

// As gemm.h's `multiplyPanels`.
static inline void multiplyRoundedPanels(const uint32_t* packedTokens, int rowTiles, const RoundedPanels& panels, int depth, int first,
                                         int last, float* c, size_t stride) {
  const int pairs = (depth + 1) / 2;
  for (int panel = first; panel < last; panel++) {
    const uint32_t* weights = &panels.weights[static_cast<size_t>(panel) * kTileColumns * pairs];
    float* column = c + static_cast<size_t>(panel - first) * kTileColumns;
    for (int start = 0; start < pairs; start += kPairs) {
      const int part = pairs - start < kPairs ? pairs - start : kPairs;
      const uint32_t* b = weights + static_cast<size_t>(start) * kTileColumns;
      for (int rows = 0; rows < rowTiles; rows++) {
        const uint32_t* a = packedTokens + (static_cast<size_t>(rows) * pairs + start) * kTileRows;
        float* to = column + static_cast<size_t>(rows) * kTileRows * stride;
        if (start == 0)
          roundedTile<false>(part, a, b, &panels.bias[static_cast<size_t>(panel) * kTileColumns], to, stride);
        else
          roundedTile<true>(part, a, b, nullptr, to, stride);
      }
    }
  }
}

#else
struct RoundedPanels {};
#endif

}  // namespace ssae
