// Which features of a batch are selected: every block of tokens, screened by way of bfloat16 where that pays.
#pragma once
#include "batch-selection.h"

namespace ssae {

// Features above these limits are kept; of jumprelu in training also those that its kernel's window reaches.
static void findLimits(Dictionary& d, bool trains) {
  const size_t padded = d.panels.count() * kTileColumns;
  d.require(d.limits.reserveScratch(padded));
  if (d.failed()) return;
  const float window = trains ? static_cast<float>(d.settings.bandwidth / 2) : 0;
  for (size_t j = 0; j < padded; j++) {
    if (j >= d.shape.dSae) {
      d.limits[j] = __builtin_inff();
      continue;
    }
    float& stored = d.parameters.threshold[j];
    const float threshold = stored > 0 ? stored : 0;
    if (trains) stored = threshold;
    d.limits[j] = threshold - window;
  }
}

static Rule ruleOf(const Dictionary& d) {
  if (d.shape.kind == kTopK) return {d.shape.k, 0, nullptr};
  if (d.shape.kind == kBatchTopK) return {d.shape.dSae, d.cut, nullptr};
  return {d.shape.dSae, 0, d.shape.kind == kJumpRelu ? d.limits.data() : nullptr};
}

// Packs the encoder for the float32 GEMM, unless it is packed. Every thread.
static void packEncoder(Dictionary& d, uint32_t thread) {
  if (d.panels.packed) return;
  d.team.serial(thread, [&] { d.require(d.panels.reserve(d.shape.dSae, d.shape.dIn)); });
  if (d.failed()) return;
  pack(d, d.panels, [](size_t index) { return index; });
  d.team.serial(thread, [&] { d.panels.packed = true; });
}

static const float* shiftOf(const Dictionary& d) { return d.shape.shiftsInput ? d.parameters.decoderBias.data() : nullptr; }

// Selects the features of the blocks that are not done. Those that screening refuses are left for a pass without it.
template <class Finish>
static void selectPass(Dictionary& d, uint32_t thread, bool screens, Finish finish) {
  Workspace& w = d.workspaces[thread];
  everyBlock(d, d.activations, thread, [&](size_t first, int rows) {
    const float* tokens = &d.tokens[first * d.stride];
    checkFinite(d, d.notFinite, first, rows);
    if (screens && !screen(d, w, ruleOf(d), tokens, rows, shiftOf(d))) {
      refuse(d, first);
      return true;
    }
    if (!screens) select(d, w, d.panels, ruleOf(d), tokens, rows, shiftOf(d));
    if (!keep(w, d.activations, first, rows, [](uint32_t feature) { return feature; })) return false;
    if (d.shape.kind != kBatchTopK) finish(first, rows);
    return true;
  });
}

// Selects the features of every block, screened where that pays: features and values are the same either way. Every thread.
template <class Finish>
static void selectEither(Dictionary& d, uint32_t thread, Finish finish) {
  if (d.screen.used) {
    selectPass(d, thread, true, finish);
    d.team.serial(thread, [&] { takeRefused(d); });
    if (d.failed() || d.screen.refusals == 0) return;
    packEncoder(d, thread);
    if (d.failed()) return;
  }
  selectPass(d, thread, false, finish);
}

// Selects the features of every block; `finish(first, rows)` follows when those of a block are settled.
template <class Finish>
static void selectBlocks(Dictionary& d, uint32_t thread, Finish finish) {
  const bool ofBatch = d.shape.kind == kBatchTopK;
  d.screen.used ? packRounded(d, thread) : packEncoder(d, thread);
  if (d.failed()) return;
  if (ofBatch) d.team.serial(thread, [&] {
    if (d.cut == 0) guessCut(d, shiftOf(d));
  });
  for (bool enough = false; !enough;) {
    selectEither(d, thread, finish);
    if (d.failed() || !ofBatch) return;
    d.team.serial(thread, [&] { d.settled = isEnough(d); });
    enough = d.settled;
    d.team.barrier();
  }
  d.team.serial(thread, [&] { keepLargestOfBatch(d); });
  if (d.failed()) return;
  d.team.share(d.blocks(), [&](uint32_t index) {
    const size_t first = static_cast<size_t>(index) * kBlockTokens, left = d.tokenCount() - first;
    finish(first, static_cast<int>(left < kBlockTokens ? left : kBlockTokens));
  });
}

}  // namespace ssae
