// A block's selections by way of bfloat16 products: candidates are chosen by a bound, then evaluated as the float32 GEMM does.
//
// A candidate's pre-activation is the same chain of fused multiply-adds as in gemm.h's tile, so that features and values have the bits
// that `select` gives, whichever of the two a block takes.
#pragma once
#include "encode.h"

namespace ssae {

#if defined(__AVX512BF16__)

// Beyond so many candidates a token, on average over a block, evaluating them costs more than the rounded products save.
static inline size_t mostCandidates(const Dictionary& d) { return d.shape.dSae / 16 + 64; }

// Most forward passes without screening after one that refused a quarter of its blocks.
constexpr uint32_t kMostRest = 15;

// Most candidates of one token.
static inline size_t candidateRoom(const Dictionary& d, const Rule& rule) {
  const size_t most = 4 * mostCandidates(d), few = 4 * static_cast<size_t>(rule.k) + 128, features = d.panels.count() * kTileColumns;
  const size_t room = rule.k < d.shape.dSae && few > most ? few : most;
  return (room < features ? room : features) + Candidates::kLeastRoom;
}

// Entries of a token in the workspace's arrays, for its candidates and then its Selection.
static inline size_t screenRoom(const Dictionary& d, const Rule& rule) {
  const size_t ofCandidates = candidateRoom(d, rule) + Candidates::kSlack, ofSelection = Selection::capacity(rule.k, d.shape.dSae);
  return ofCandidates > ofSelection ? ofCandidates : ofSelection;
}

// Whether this forward pass screens. On one thread.
static void beginScreening(Dictionary& d, const Rule& rule) {
  Screen& s = d.screen;
  const bool isLimited = d.shape.kind == kTopK || d.shape.kind == kBatchTopK;
  if (!d.packed) s.packed = false;
  s.used = s.resting == 0 && d.shape.dIn <= RoundingBound::kMostTerms && !(isLimited && d.shape.k > mostCandidates(d));
  if (s.resting > 0) s.resting--;
  if (!s.used) return;
  d.require(s.refused.reserveScratch(d.blocks()));
  const size_t entries = kBlockTokens * screenRoom(d, rule);
  for (uint32_t t = 0; t < d.team.threads(); t++) {
    Workspace& w = d.workspaces[t];
    d.require(w.screen.tokens.reserveScratch(static_cast<size_t>(kBlockTokens) * ((d.shape.dIn + 1) / 2)) &&
              w.screen.shifted.reserveScratch(d.stride) && w.screen.upper.reserveScratch(rule.k < d.shape.dSae ? entries : 1) &&
              w.values.reserveScratch(entries) && w.features.reserveScratch(entries) && w.spare.reserveScratch(screenRoom(d, rule)));
  }
  if (!d.failed()) __builtin_memset(s.refused.data(), 0, d.blocks());
}

// Of each slice's bounds the largest terms. On one thread.
static void findLargest(const RoundedPanels& panels, size_t columns) {
  for (size_t first = 0; first < columns; first += kSliceFeatures) {
    const Array<float>* terms[] = {&panels.norms, &panels.errors, &panels.offsets};
    for (int term = 0; term < 3; term++) {
      float& largest = panels.largest[first / kSliceFeatures * 3 + term];
      largest = 0;
      for (size_t at = first; at < columns && at < first + kSliceFeatures; at++)
        largest = (*terms[term])[at] > largest ? (*terms[term])[at] : largest;
    }
  }
}

// As encode.h's `pack`, of all features, unless they are packed. Every thread.
static void packRounded(Dictionary& d, uint32_t thread) {
  if (d.screen.packed) return;
  d.team.serial(thread, [&] {
    d.require(d.screen.panels.reserve(d.panels.count(), d.shape.dIn) &&
              d.screen.panels.largest.reserveScratch(3 * (d.panels.count() / kSlicePanels + 1)));
  });
  if (d.failed()) return;
  const RoundingBound bound(d.shape.dIn);
  const RoundedPanels& panels = d.screen.panels;
  const size_t pairs = (d.shape.dIn + 1) / 2;
  const auto scaleOf = [&](long feature) { return d.shape.rescaled ? d.decoderNorms[feature] : 1; };
  d.team.share(static_cast<uint32_t>(d.panels.count()), [&](uint32_t panel) {
    const auto row = [&](int column) -> long {
      const size_t feature = static_cast<size_t>(panel) * kTileColumns + column;
      return feature < d.shape.dSae ? static_cast<long>(feature) : -1;
    };
    RowSquares squares[kTileColumns];
    packRoundedPanel(d.parameters.encoder.data(), d.stride, d.shape.dIn, row, scaleOf, &panels.weights[panel * kTileColumns * pairs],
                     squares);
    for (int column = 0; column < kTileColumns; column++) {
      const long feature = row(column);
      const size_t at = static_cast<size_t>(panel) * kTileColumns + column;
      panels.bias[at] = feature < 0 ? -__builtin_inff() : scaleOf(feature) * d.parameters.encoderBias[feature];
      if (feature >= 0)
        bound.setFeature(panels, at, squares[column]);
      else
        panels.norms[at] = panels.errors[at] = panels.offsets[at] = 0;
    }
  });
  d.team.serial(thread, [&] {
    findLargest(panels, d.panels.count() * kTileColumns);
    d.screen.packed = true;
  });
}

// x or x − b_dec of one token, as `packTokens` has it.
static const float* shiftedToken(const Dictionary& d, Workspace& w, const float* token, const float* shift) {
  if (shift == nullptr) return token;
  for (size_t i = 0; i < d.stride; i += kLanes) store(&w.screen.shifted[i], load(token + i) - load(shift + i));
  return w.screen.shifted.data();
}

// Packs a block and begins its candidates. False: a token has no bound.
static bool beginCandidates(Dictionary& d, Workspace& w, const Rule& rule, const float* tokens, int rows, const float* shift) {
  const RoundingBound bound(d.shape.dIn);
  const size_t pairs = (d.shape.dIn + 1) / 2, room = screenRoom(d, rule), capacity = candidateRoom(d, rule);
  uint32_t* packed = w.screen.tokens.data();
  __builtin_memset(packed, 0, roundUp(rows, kTileRows) * pairs * sizeof(uint32_t));
  for (int row = 0; row < rows; row++) {
    const float* token = shiftedToken(d, w, tokens + row * d.stride, shift);
    const RowSquares squares = packRoundedToken(token, static_cast<int>(d.stride), d.shape.dIn, row % kTileRows,
                                                packed + static_cast<size_t>(row / kTileRows) * kTileRows * pairs);
    const RoundingBound::Token of = bound.ofToken(squares);
    if (!of.isBounded()) return false;
    w.screen.candidates[row].begin(rule.k, rule.least, capacity, of, &w.features[row * room], &w.values[row * room],
                                   rule.k < d.shape.dSae ? &w.screen.upper[row * room] : nullptr);
  }
  return true;
}

// Panels of features between two looks at their products: the products stay in the second-level cache, though weights pass through it.
constexpr size_t kScreenedPanels = 8;
static_assert(kSlicePanels % kScreenedPanels == 0, "what is looked at is of one slice");

// Rounded products of the packed block, part of a slice of features at a time: `slice(values, first, count)` as encode.h's `multiply`, until
// it returns false.
template <class Slice>
static bool multiplyRounded(Dictionary& d, Workspace& w, int rows, Slice slice) {
  const int tiles = (rows + kTileRows - 1) / kTileRows;
  for (size_t panel = 0; panel < d.panels.count(); panel += kScreenedPanels) {
    const size_t end = panel + kScreenedPanels < d.panels.count() ? panel + kScreenedPanels : d.panels.count();
    multiplyRoundedPanels(w.screen.tokens.data(), tiles, d.screen.panels, d.shape.dIn, static_cast<int>(panel), static_cast<int>(end),
                          w.slice.data(), kSliceStride);
    if (!slice(w.slice.data(), static_cast<uint32_t>(panel * kTileColumns), static_cast<int>((end - panel) * kTileColumns))) return false;
  }
  return true;
}

// p of 16 features, every one the chain of `tile`; lines of the rows in `next` are fetched meanwhile.
template <bool kScaled>
static inline __m512 evaluate(const Dictionary& d, const uint32_t* features, const uint32_t* next, const float* x, __m512 sums) {
  const float *rows[kLanes], *coming[kLanes];
  float scales[kLanes];
  for (int i = 0; i < kLanes; i++) {
    rows[i] = &d.parameters.encoder[features[i] * d.stride];
    coming[i] = &d.parameters.encoder[next[i] * d.stride];
    if (kScaled) scales[i] = d.decoderNorms[features[i]];
  }
  for (int k = 0; k < d.shape.dIn; k += kLanes) {
    __m512i m[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) {
      __m512 part = _mm512_loadu_ps(rows[i] + k);
      if (kScaled) part *= _mm512_set1_ps(scales[i]);
      m[i] = _mm512_castps_si512(part);
      _mm_prefetch(reinterpret_cast<const char*>(coming[i] + k), _MM_HINT_T1);
    }
    transpose16(m);
    const int left = d.shape.dIn - k;
    if (left >= kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) sums = _mm512_fmadd_ps(_mm512_set1_ps(x[k + i]), _mm512_castsi512_ps(m[i]), sums);
    } else {
      for (int i = 0; i < left; i++) sums = _mm512_fmadd_ps(_mm512_set1_ps(x[k + i]), _mm512_castsi512_ps(m[i]), sums);
    }
  }
  return sums;
}

// Puts the values of those candidates that are above their limit into the token's selection.
static void settle(Dictionary& d, Workspace& w, const Rule& rule, int row, const float* x) {
  const size_t room = screenRoom(d, rule), count = w.screen.candidates[row].count();
  uint32_t* features = &w.features[row * room];
  float* values = &w.values[row * room];
  size_t kept = 0;
  uint32_t group[kLanes], next[kLanes];
  const auto take = [&](size_t start, uint32_t* into) {
    for (size_t i = 0; i < kLanes; i++) into[i] = features[start + i < count ? start + i : count - 1];
  };
  if (count > 0) take(0, next);
  for (size_t start = 0; start < count; start += kLanes) {
    __builtin_memcpy(group, next, sizeof(group));
    take(start + kLanes, next);
    const __mmask16 there = count - start < kLanes ? (1u << (count - start)) - 1 : 0xffff;
    const __m512i chosen = _mm512_loadu_si512(group);
    const __m512 bias = _mm512_i32gather_ps(chosen, d.screen.panels.bias.data(), sizeof(float));
    const __m512 limit = rule.limits == nullptr ? _mm512_set1_ps(rule.least) : _mm512_i32gather_ps(chosen, rule.limits, sizeof(float));
    const __m512 value = d.shape.rescaled ? evaluate<true>(d, group, next, x, bias) : evaluate<false>(d, group, next, x, bias);
    const __mmask16 above = _mm512_cmp_ps_mask(value, limit, _CMP_GT_OQ) & there;
    _mm512_storeu_si512(features + kept, _mm512_maskz_compress_epi32(above, chosen));
    _mm512_storeu_ps(values + kept, _mm512_maskz_compress_ps(above, value));
    kept += __builtin_popcount(above);
  }
  w.selections[row].begin(rule.k, rule.least, room, values, features, w.spare.data());
  w.selections[row].take(kept);
}

// As encode.h's `select`, of all features. False: there are too many candidates, or a token that has no bound.
static bool screen(Dictionary& d, Workspace& w, const Rule& rule, const float* tokens, int rows, const float* shift) {
  if (!beginCandidates(d, w, rule, tokens, rows, shift)) return false;
  const RoundedPanels& panels = d.screen.panels;
  const size_t most = rows * mostCandidates(d);
  const bool isLimited = rule.limits == nullptr && rule.k < d.shape.dSae;
  const auto total = [&] {
    size_t count = 0;
    for (int row = 0; row < rows; row++) count += w.screen.candidates[row].count();
    return count;
  };
  const bool few = multiplyRounded(d, w, rows, [&](const float* values, uint32_t first, int count) {
    for (int row = 0; row < rows; row++) {
      Candidates& c = w.screen.candidates[row];
      const float* of = values + row * kSliceStride;
      const float bound = c.token().most(&panels.largest[first / kSliceFeatures * 3]);
      const bool fits =
          isLimited ? c.offer(of, panels, bound, first, count) : c.offerAbove(of, panels, bound, rule.limits, first, count);
      if (!fits) return false;
    }
    return isLimited || total() <= most;
  });
  if (!few) return false;
  for (int row = 0; isLimited && row < rows; row++) w.screen.candidates[row].prune();
  if (total() > most) return false;
  for (int row = 0; row < rows; row++) settle(d, w, rule, row, shiftedToken(d, w, tokens + row * d.stride, shift));
  return true;
}

// The largest values by rounded products, where a guess is enough. False: a token has no bound.
static bool selectRounded(Dictionary& d, Workspace& w, const Rule& rule, const float* tokens, int rows, const float* shift) {
  if (!beginCandidates(d, w, {d.shape.dSae, 0, nullptr}, tokens, rows, shift)) return false;
  const size_t room = Selection::capacity(rule.k, d.shape.dSae);
  for (int row = 0; row < rows; row++)
    w.selections[row].begin(rule.k, rule.least, room, &w.values[row * room], &w.features[row * room], w.spare.data());
  return multiplyRounded(d, w, rows, [&](const float* values, uint32_t first, int count) {
    for (int row = 0; row < rows; row++) w.selections[row].offer(values + row * kSliceStride, first, count);
    return true;
  });
}

static void refuse(Dictionary& d, size_t firstToken) { d.screen.refused[firstToken / kBlockTokens] = 1; }

// The next pass of `everyBlock` does the blocks that were refused. On one thread.
static void takeRefused(Dictionary& d) {
  uint32_t& count = d.screen.refusals;
  count = 0;
  for (uint32_t block = 0; block < d.blocks(); block++) {
    if (!d.screen.refused[block]) continue;
    d.screen.refused[block] = 0;
    d.blockDone[block] = 0;
    count++;
  }
  const uint32_t longer = 2 * d.screen.rest + 1;
  d.screen.rest = 4 * count <= d.blocks() ? 0 : longer < kMostRest ? longer : kMostRest;
  d.screen.resting = d.screen.rest;
}

#else
static void beginScreening(Dictionary&, const Rule&) {}
static void packRounded(Dictionary&, uint32_t) {}
static bool screen(Dictionary&, Workspace&, const Rule&, const float*, int, const float*) { return false; }
static bool selectRounded(Dictionary&, Workspace&, const Rule&, const float*, int, const float*) { return false; }
static void refuse(Dictionary&, size_t) {}
static void takeRefused(Dictionary&) {}
#endif

}  // namespace ssae
