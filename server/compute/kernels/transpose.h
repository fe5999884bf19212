// Activations by token → by feature: a counting sort that keeps tokens in order, so that sums over tokens have one order.
#pragma once
#include "dictionary.h"

namespace ssae {

constexpr uint32_t kTransposeParts = 16;

// Calls `entry(feature, token, value)` for the entries of features [first, last), tokens ascending.
template <class Entry>
static void entriesOf(const Activations& a, uint32_t tokens, uint32_t first, uint32_t last, Entry entry) {
  for (uint32_t token = 0; token < tokens; token++) {
    const uint32_t* features = a.features.data() + a.start[token];
    const float* values = a.values.data() + a.start[token];
    const uint32_t count = a.count[token];
    uint32_t low = 0, high = count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (features[middle] < first)
        low = middle + 1;
      else
        high = middle;
    }
    for (; low < count && features[low] < last; low++) entry(features[low], token, values[low]);
  }
}

static void transpose(Dictionary& d, Activations& a, uint32_t thread) {
  const uint32_t features = d.shape.dSae, part = (features + kTransposeParts - 1) / kTransposeParts;
  const auto forPart = [&](uint32_t index, auto entry) {
    const uint32_t first = index * part, last = first + part < features ? first + part : features;
    if (first < last) entriesOf(a, d.tokenCount(), first, last, entry);
  };
  d.team.serial(thread, [&] {
    d.require(a.featureStart.reserveScratch(features + 2) && a.byFeatureTokens.reserveScratch(a.used) &&
              a.byFeatureValues.reserveScratch(a.used));
    if (!d.failed()) __builtin_memset(a.featureStart.data(), 0, (features + 2) * sizeof(size_t));
  });
  if (d.failed()) return;
  // Counts go two places up, starts end up one place up, and filling turns each start into the next feature's.
  d.team.share(kTransposeParts, [&](uint32_t index) {
    forPart(index, [&](uint32_t feature, uint32_t, float) { a.featureStart[feature + 2]++; });
  });
  d.team.serial(thread, [&] {
    for (uint32_t j = 2; j < features + 2; j++) a.featureStart[j] += a.featureStart[j - 1];
  });
  d.team.share(kTransposeParts, [&](uint32_t index) {
    forPart(index, [&](uint32_t feature, uint32_t token, float value) {
      const size_t at = a.featureStart[feature + 1]++;
      a.byFeatureTokens[at] = token;
      a.byFeatureValues[at] = value;
    });
  });
}

}  // namespace ssae
