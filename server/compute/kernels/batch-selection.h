// BatchTopK (2412.06410): the k·B largest activations of a batch, exactly, whatever the guess that saves looking at all of them.
#pragma once
#include "screening.h"

namespace ssae {

constexpr uint32_t kProbedFeatures = 1024;

static inline size_t wantedOfBatch(const Dictionary& d) { return static_cast<size_t>(d.shape.k) * d.tokenCount(); }

// A first guess of the smallest kept value, from the first block. On one thread.
static void guessCut(Dictionary& d, const float* shift) {
  Workspace& w = d.workspaces[0];
  const int rows = d.tokenCount() < kBlockTokens ? static_cast<int>(d.tokenCount()) : kBlockTokens;
  uint32_t most = d.shape.k < kProbedFeatures / 4 ? 4 * d.shape.k : kProbedFeatures;
  if (most > d.shape.dSae) most = d.shape.dSae;
  const Rule rule = {most, 0, nullptr};
  if (!d.screen.used)
    select(d, w, d.panels, rule, d.tokens.data(), rows, shift);
  else if (!selectRounded(d, w, rule, d.tokens.data(), rows, shift))
    return;
  size_t count = 0;
  for (int row = 0; row < rows; row++) {
    const uint32_t found = w.selections[row].finish();
    __builtin_memcpy(&w.slice[count], w.selections[row].values(), found * sizeof(float));
    count += found;
  }
  const size_t wanted = static_cast<size_t>(d.shape.k) * rows;
  d.cut = count < wanted || count == 0 ? 0 : 0.75f * kthLargest(w.slice.data(), count, wanted);
}

// Whether the guess let enough through; else it is lowered and the blocks are to be done again. On one thread.
static bool isEnough(Dictionary& d) {
  if (d.cut == 0 || d.activations.used >= wantedOfBatch(d)) return true;
  d.cut = d.cut < 1e-30f ? 0 : d.cut / 4;
  forgetBlocks(d, d.activations);
  return false;
}

// Takes out what is not among the k·B largest; of equal values the lower token, then the lower feature stays. On one thread.
static void keepLargestOfBatch(Dictionary& d) {
  Activations& a = d.activations;
  const size_t wanted = wantedOfBatch(d);
  size_t kept = a.used;
  if (a.used > wanted) {
    d.require(d.chosen.reserveScratch(a.used));
    if (d.failed()) return;
    __builtin_memcpy(d.chosen.data(), a.values.data(), a.used * sizeof(float));
    const float least = kthLargest(d.chosen.data(), a.used, wanted);
    size_t ties = wanted;
    for (size_t at = 0; at < a.used; at++) ties -= a.values[at] > least;
    for (uint32_t token = 0; token < d.tokenCount(); token++) {
      uint32_t count = 0;
      const size_t start = a.start[token];
      for (size_t at = start; at < start + a.count[token]; at++) {
        const bool tie = a.values[at] == least && ties > 0;
        ties -= tie;
        if (!tie && !(a.values[at] > least)) continue;
        a.features[start + count] = a.features[at];
        a.values[start + count++] = a.values[at];
      }
      a.count[token] = count;
    }
    d.results.smallest = least;
    kept = wanted;
  } else {
    float smallest = __builtin_inff();
    for (size_t at = 0; at < a.used; at++) smallest = a.values[at] < smallest ? a.values[at] : smallest;
    d.results.smallest = a.used == 0 ? 0 : smallest;
  }
  d.results.active = static_cast<double>(kept);
  d.cut = 0.9f * static_cast<float>(d.results.smallest);
}

}  // namespace ssae
