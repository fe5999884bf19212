// What the two builds offer to JavaScript: make a dictionary, name its memory, run a call on a team of threads.
#pragma once
#include "forward.h"
#include "pieces.h"

namespace ssae {

enum Call : uint32_t { kForward, kBackward, kGradient, kEncode, kDecode, kSurvey, kAccumulate, kApply };

// Order: ../kernel-instance.ts.
enum Region : uint32_t {
  kSettings, kResults,
  kEncoder, kEncoderBias, kDecoder, kDecoderBias,
  kFirstEncoder, kFirstEncoderBias, kFirstDecoder, kFirstDecoderBias,
  kSecondEncoder, kSecondEncoderBias, kSecondDecoder, kSecondDecoderBias,
  kGradientEncoder, kGradientEncoderBias, kGradientDecoder, kGradientDecoderBias,
  kThreshold, kMagnitudeScale, kMagnitudeBias, kSkip,
  kFirstThreshold, kFirstMagnitudeScale, kFirstMagnitudeBias, kFirstSkip,
  kSecondThreshold, kSecondMagnitudeScale, kSecondMagnitudeBias, kSecondSkip,
  kGradientThreshold, kGradientMagnitudeScale, kGradientMagnitudeBias, kGradientSkip,
  kTokensSinceFired, kTrained, kWidths, kTokens, kTargets, kReconstructionLoss, kSparsityLoss, kReconstructionWeight, kSparsityWeight,
  kRowOffsets, kRowFeatures, kRowValues, kOutput, kResiduals, kOutputSlopes,
};

enum Flag : uint32_t {
  kShiftsInput = 1, kUnitNorm = 2, kNormWeighted = 4, kTrains = 8, kRescaled = 16, kTanhPenalty = 32, kIntoInput = 64,
  kTrainsGateDecoder = 128, kSkips = 256, kNarrowMoments = 512,
};

static bool prepare(Dictionary& d, uint32_t dIn, uint32_t dOut, uint32_t dSae, uint32_t kind, uint32_t k, uint32_t flags) {
  const auto has = [flags](Flag flag) { return (flags & flag) != 0; };
  d.shape = {static_cast<int>(dIn), static_cast<int>(dOut), dSae, static_cast<Kind>(kind), k == 0 ? dSae : k,
             has(kShiftsInput),     has(kUnitNorm),         has(kNormWeighted), has(kRescaled), has(kTanhPenalty),
             has(kIntoInput),       has(kTrainsGateDecoder), has(kSkips)};
  d.stride = roundUp(dIn, kRowAlignment);
  d.outStride = roundUp(dOut, kRowAlignment);
  return d.reserve(has(kTrains), has(kNarrowMoments));
}

// How a region's rows lie: `columns` numbers each, `stride` apart; 0 columns: a plain array.
struct Rows {
  size_t columns, stride;
};

static Rows rowsOf(const Dictionary& d, uint32_t which) {
  const Rows input = {static_cast<size_t>(d.shape.dIn), d.stride}, output = {static_cast<size_t>(d.shape.dOut), d.outStride};
  if (which == kTokens) return input;
  if (which == kTargets || which >= kOutput) return output;
  if (which >= kEncoder && which < kThreshold && (which - kEncoder) % 2 == 0) return (which - kEncoder) % 4 == 0 ? input : output;
  if (which >= kThreshold && which < kTokensSinceFired && (which - kThreshold) % 4 == 3) return input;
  return {0, 0};
}

template <class T>
static void* room(Array<T>& array, size_t count) {
  return array.reserve(count > 0 ? count : 1) ? array.data() : nullptr;
}

template <class Group>
static void* groupRegion(const Group& g, uint32_t which) {
  void* arrays[] = {g.encoder.data(),   g.encoderBias.data(),    g.decoder.data(),       g.decoderBias.data(),
                    g.threshold.data(), g.magnitudeScale.data(), g.magnitudeBias.data(), g.skip.data()};
  return arrays[which];
}

// Of the parameters, the first and second moments or the gradient.
static void* parametersRegion(const Dictionary& d, uint32_t group, uint32_t which) {
  if (group == 0 || group == 3) return groupRegion(group == 0 ? d.parameters : d.gradient, which);
  return groupRegion(group == 1 ? d.first : d.second, which);
}

// Start of a region with room for `count` numbers where its size depends on the batch; null when there is no memory.
static void* region(Dictionary& d, uint32_t which, size_t count) {
  if (which >= kEncoder && which < kThreshold)
    return parametersRegion(d, (which - kEncoder) / 4, (which - kEncoder) % 4);
  if (which >= kThreshold && which < kTokensSinceFired)
    return parametersRegion(d, (which - kThreshold) / 4, 4 + (which - kThreshold) % 4);
  switch (which) {
    case kSettings: return &d.settings;
    case kResults: return &d.results;
    case kTokensSinceFired: return d.tokensSinceFired.data();
    case kTrained: return room(d.trained, count);
    case kWidths: return room(d.widths, count);
    case kTokens: return room(d.tokens, count);
    case kTargets: return room(d.targets, count);
    case kReconstructionLoss: return d.reconstructionLoss.data();
    case kSparsityLoss: return d.sparsityLoss.data();
    case kReconstructionWeight: return room(d.reconstructionWeight, count);
    case kSparsityWeight: return room(d.sparsityWeight, count);
    case kRowOffsets: return room(d.rowOffsets, count);
    case kRowFeatures: return room(d.rowFeatures, count);
    case kRowValues: return room(d.rowValues, count);
    case kOutput: return d.output.data();
    case kResiduals: return d.level(d.levels() - 1);
    case kOutputSlopes: return room(d.outputSlopes, count);
    default: return nullptr;
  }
}

// Parameters or moments were written: the packed encoder is stale, and which features move is read from the moments.
static void written(Dictionary& d) {
  d.packed = false;
  d.cut = 0;
  if (d.moving.capacity() == 0) return;
  for (uint32_t j = 0; j < d.shape.dSae; j++) {
    bool moving = false;
    const Moments* groups[] = {&d.first, &d.second};
    for (const Moments* moments : groups) {
      const Array<float>* everyScalar[] = {&moments->encoderBias, &moments->threshold, &moments->magnitudeScale,
                                           &moments->magnitudeBias};
      for (const Array<float>* scalars : everyScalar) moving |= scalars->capacity() > 0 && (*scalars)[j] != 0;
      moving |= moments->encoder.moves(j * d.stride, d.stride) || moments->decoder.moves(j * d.outStride, d.outStride);
    }
    d.moving[j] = moving;
  }
}

// Every thread of the team, which `begin` has set up, makes the same call.
static void run(Dictionary& d, uint32_t call, uint32_t thread) {
  switch (call) {
    case kForward: return encodeTokens(d, thread, true);
    case kBackward: return backward(d, thread, Pass::update);
    case kGradient: return backward(d, thread, Pass::gradient);
    case kEncode: return encodeRows(d, thread);
    case kDecode: return decodeRows(d, thread);
    case kSurvey: return survey(d, thread);
    case kAccumulate: return accumulate(d, thread);
    case kApply: return apply(d, thread);
  }
}

}  // namespace ssae
