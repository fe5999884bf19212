// x → features: pack W_enc, pre-activations a slice of features at a time, selection while the slice is in the cache.
#pragma once
#include "dictionary.h"
#include "rows.h"

namespace ssae {

// Pre-activations of kBlockTokens tokens × this many features stay in the second-level cache.
constexpr size_t kSliceFeatures = 1024;

// Packs the encoder rows `rowOf(index)` for index < panels.features, times u_j where it is rescaled. After a `serial`.
// Columns beyond the last have a bias of −∞: no selection takes them.
template <class RowOf>
static void pack(Dictionary& d, Panels& panels, RowOf rowOf) {
  const size_t depth = d.shape.dIn;
  const auto scaleOf = [&](long feature) { return d.shape.rescaled ? d.decoderNorms[feature] : 1; };
  d.team.share(static_cast<uint32_t>(panels.count()), [&](uint32_t panel) {
    const auto row = [&](int column) -> long {
      const size_t index = static_cast<size_t>(panel) * kTileColumns + column;
      return index < panels.features ? static_cast<long>(rowOf(index)) : -1;
    };
    packPanel(d.parameters.encoder.data(), d.stride, d.shape.dIn, row, scaleOf, &panels.weights[panel * kTileColumns * depth]);
    for (int column = 0; column < kTileColumns; column++) {
      const long feature = row(column);
      panels.bias[panel * kTileColumns + column] =
          feature < 0 ? -__builtin_inff() : scaleOf(feature) * d.parameters.encoderBias[feature];
    }
  });
}

static inline bool reserveWorkspace(Dictionary& d, Workspace& w, uint32_t k, size_t features) {
  const size_t room = Selection::capacity(k, features);
  return w.packedTokens.reserveScratch(static_cast<size_t>(kBlockTokens) * d.shape.dIn) &&
         w.slice.reserveScratch(kBlockTokens * (kSliceFeatures + kTileColumns)) &&
         w.values.reserveScratch(kBlockTokens * room) && w.features.reserveScratch(kBlockTokens * room) &&
         w.spare.reserveScratch(room) && w.scales.reserveScratch(d.tokenCount()) &&
         w.deltas.reserveScratch(d.tokenCount()) && w.decoded.reserveScratch(room) &&
         w.gradient.reserveScratch(d.stride + d.outStride);
}

// Which values are kept: at most k a token and above `least`, or all above their feature's limit.
struct Rule {
  uint32_t k;
  float least;
  const float* limits;
};

// Tokens of a block, packed for the GEMM; `shift` (or null) is subtracted. Returns the number of tiles.
static int packBlock(Dictionary& d, Workspace& w, const float* tokens, int rows, const float* shift) {
  const int depth = d.shape.dIn, tiles = (rows + kTileRows - 1) / kTileRows;
  for (int t = 0; t < tiles; t++) {
    const int left = rows - t * kTileRows;
    packTokens(tokens + static_cast<size_t>(t) * kTileRows * d.stride, d.stride, left < kTileRows ? left : kTileRows, depth,
               shift, &w.packedTokens[static_cast<size_t>(t) * kTileRows * depth]);
  }
  return tiles;
}

constexpr size_t kSliceStride = kSliceFeatures + kTileColumns;  // not a power of two: rows fall into different cache sets
constexpr size_t kSlicePanels = kSliceFeatures / kTileColumns;

// Products of the packed tokens with all panels, a slice at a time: `slice(values of row 0, first column, columns)`, rows
// kSliceStride apart.
template <class Slice>
static void multiply(Workspace& w, int tiles, const Panels& panels, int depth, Slice slice) {
  for (size_t panel = 0; panel < panels.count(); panel += kSlicePanels) {
    const size_t end = panel + kSlicePanels < panels.count() ? panel + kSlicePanels : panels.count();
    multiplyPanels(w.packedTokens.data(), tiles, panels.weights.data(), panels.bias.data(), depth,
                   static_cast<int>(panel), static_cast<int>(end), w.slice.data(), kSliceStride);
    slice(w.slice.data(), static_cast<uint32_t>(panel * kTileColumns), static_cast<int>((end - panel) * kTileColumns));
  }
}

// Selections of a block's tokens into the workspace.
static void select(Dictionary& d, Workspace& w, const Panels& panels, const Rule& rule, const float* tokens, int rows,
                   const float* shift) {
  const int tiles = packBlock(d, w, tokens, rows, shift);
  const size_t room = Selection::capacity(rule.k, panels.features);
  for (int row = 0; row < rows; row++)
    w.selections[row].begin(rule.k, rule.least, room, &w.values[row * room], &w.features[row * room], w.spare.data());
  multiply(w, tiles, panels, d.shape.dIn, [&](const float* values, uint32_t first, int count) {
    for (int row = 0; row < rows; row++)
      if (rule.limits == nullptr)
        w.selections[row].offer(values + row * kSliceStride, first, count);
      else
        w.selections[row].offerAbove(values + row * kSliceStride, rule.limits + first, first, count);
  });
}

// Room for `entries` in the batch's list, or no room: then `missing` counts what is needed.
static inline bool claim(Activations& a, size_t entries, size_t& start) {
  start = __atomic_load_n(&a.used, __ATOMIC_RELAXED);
  do {
    if (start + entries > a.values.capacity()) {
      __atomic_fetch_add(&a.missing, entries, __ATOMIC_RELAXED);
      return false;
    }
  } while (!__atomic_compare_exchange_n(&a.used, &start, start + entries, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return true;
}

// Moves a block's selections into the batch's list; `featureOf` names the feature of a packed row.
template <class FeatureOf>
static bool keep(Workspace& w, Activations& a, size_t firstToken, int rows, FeatureOf featureOf) {
  size_t entries = 0, at = 0;
  for (int row = 0; row < rows; row++) entries += (a.count[firstToken + row] = w.selections[row].finish());
  if (!claim(a, entries, at)) return false;
  for (int row = 0; row < rows; row++) {
    const uint32_t count = a.count[firstToken + row];
    a.start[firstToken + row] = at;
    for (uint32_t q = 0; q < count; q++) {
      a.features[at + q] = featureOf(w.selections[row].features()[q]);
      a.values[at + q] = w.selections[row].values()[q];
    }
    at += count;
  }
  return true;
}

// Calls `block(firstToken, rows)` for every block, again after growing the list for those that found no room.
template <class Block>
static void everyBlock(Dictionary& d, Activations& a, uint32_t thread, Block block) {
  for (;;) {
    d.team.share(d.blocks(), [&](uint32_t index) {
      if (d.blockDone[index]) return;
      const size_t first = static_cast<size_t>(index) * kBlockTokens, left = d.tokenCount() - first;
      d.blockDone[index] = block(first, static_cast<int>(left < kBlockTokens ? left : kBlockTokens));
    });
    d.team.serial(thread, [&] {
      d.require(a.features.reserve(a.used + a.missing) && a.values.reserve(a.used + a.missing));
    });
    const bool complete = a.missing == 0 || d.failed();
    d.team.serial(thread, [&] { a.missing = 0; });
    if (complete) return;
  }
}

// The next pass of `everyBlock` does every block again.
static void forgetBlocks(Dictionary& d, Activations& a) {
  a.used = a.missing = 0;
  __builtin_memset(d.blockDone.data(), 0, d.blocks());
}

// Prepares `a` and the workspaces for passes of `everyBlock` that keep about `expected` features a token. On one thread.
static void beginBlocks(Dictionary& d, Activations& a, const Rule& rule, size_t expected, size_t features) {
  d.require(a.reserve(d.tokenCount(), d.tokenCount() * expected) && d.blockDone.reserve(d.blocks()));
  for (uint32_t t = 0; t < d.team.threads(); t++) d.require(reserveWorkspace(d, d.workspaces[t], rule.k, features));
  if (!d.failed()) forgetBlocks(d, a);
}

// The first token with a value that is not finite goes into the results.
static inline void checkFinite(Dictionary& d, int64_t& firstBad, size_t firstToken, int rows) {
  for (int row = 0; row < rows; row++) {
    const float* token = &d.tokens[(firstToken + row) * d.stride];
    Vector zeros = {};
    for (size_t i = 0; i < d.stride; i += kLanes) zeros += load(token + i) * broadcast(0);
    if (sum(zeros) == 0) continue;
    const int64_t bad = static_cast<int64_t>(firstToken) + row;
    int64_t known = __atomic_load_n(&firstBad, __ATOMIC_RELAXED);
    while (bad < known &&
           !__atomic_compare_exchange_n(&firstBad, &known, bad, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return;
  }
}

}  // namespace ssae
