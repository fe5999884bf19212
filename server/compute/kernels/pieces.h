// A step whose batch comes in pieces: what a whole batch's AuxK needs is surveyed, gradients are summed, then Adam is applied once.
//
// A step over one piece gives the bits of `backward`: scalars stay in float64 and every row takes the same path through the update.
#pragma once
#include "backward.h"

namespace ssae {

// Of a feature, in d.scalarSums, as ScalarGradients has them.
constexpr uint32_t kScalars = 4;

static void forgetFired(Dictionary& d) {
  d.require(d.fired.reserve(d.shape.dSae));
  if (!d.failed()) __builtin_memset(d.fired.data(), 0, d.shape.dSae);
}

static void markFired(Dictionary& d) {
  const Activations& a = d.activations;
  const bool always = isDecodedAsSeen(d.shape) || d.shape.rescaled;
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    for (size_t at = a.start[token]; at < a.start[token] + a.count[token]; at++)
      if (always || activationOf(d, a.features[at], a.values[at]) > 0) d.fired[a.features[at]] = 1;
}

// Merges a piece's r̄ and Σ (r − r̄)² with those of the pieces before (Chan, Golub, LeVeque 1979).
static void surveyColumns(Dictionary& d, uint32_t group) {
  const ColumnSpread piece = spreadOf(d, group);
  const double before = d.settings.surveyed, now = d.tokenCount();
  double* means = &d.surveyMeans[group * kVarianceColumns];
  double& squares = d.surveySquares[group];
  if (before == 0) {
    __builtin_memcpy(means, piece.means, sizeof(piece.means));
    squares = piece.squares;
    return;
  }
  squares += piece.squares;
  for (uint32_t i = 0; i < kVarianceColumns; i++) {
    const double difference = piece.means[i] - means[i];
    squares += difference * difference * (before * now / (before + now));
    means[i] += difference * (now / (before + now));
  }
}

// Of the latest forward pass. Every thread.
static void survey(Dictionary& d, uint32_t thread) {
  d.team.serial(thread, [&] {
    if (d.settings.surveyed == 0) forgetFired(d);
    d.require(d.surveyMeans.reserve(d.outStride) && d.surveySquares.reserve(varianceGroups(d)));
    if (!d.failed()) markFired(d);
  });
  if (!d.failed()) d.team.share(varianceGroups(d), [&](uint32_t group) { surveyColumns(d, group); });
}

static void beginStep(Dictionary& d) {
  d.require(d.touched.reserve(d.shape.dSae) && d.scalarSums.reserve(static_cast<size_t>(kScalars) * d.shape.dSae));
  if (d.settings.surveyed == 0) forgetFired(d);
  if (d.failed()) return;
  __builtin_memset(d.touched.data(), 0, d.shape.dSae);
  __builtin_memset(d.gradient.decoderBias.data(), 0, d.outStride * sizeof(float));
  if (d.shape.skips) __builtin_memset(d.gradient.skip.data(), 0, d.shape.dOut * d.stride * sizeof(float));
}

static void accumulatePart(Dictionary& d, const BatchGradient& piece, uint32_t part) {
  for (uint32_t j = part * d.partFeatures(); j < (part + 1) * d.partFeatures() && j < d.shape.dSae; j++) {
    if (fires(d, j)) d.fired[j] = 1;
    if (!piece.has(j) || !d.trains(j)) continue;
    float *encoder = &d.gradient.encoder[j * d.stride], *decoder = &d.gradient.decoder[j * d.outStride];
    double* scalars = &d.scalarSums[j * kScalars];
    if (!d.touched[j]) {
      __builtin_memset(encoder, 0, d.stride * sizeof(float));
      __builtin_memset(decoder, 0, d.outStride * sizeof(float));
      __builtin_memset(scalars, 0, kScalars * sizeof(double));
      d.touched[j] = 1;
    }
    ScalarGradients sums;
    piece.gather(part, j, encoder, decoder, sums);
    const double added[kScalars] = {sums.encoderBias, sums.threshold, sums.magnitudeScale, sums.magnitudeBias};
    for (uint32_t i = 0; i < kScalars; i++) scalars[i] += added[i];
  }
}

// Adds the gradient of the latest forward pass to the step's. Every thread.
static void accumulate(Dictionary& d, uint32_t thread) {
  if (!prepareSources(d, thread, Pass::accumulate)) return;
  d.team.serial(thread, [&] {
    if (d.settings.accumulated == 0) beginStep(d);
  });
  if (d.failed()) return;
  Sources sources = sourcesOf(d);
  const BatchGradient piece = {d, d.workspaces[thread], sources.all, sources.count, d.shape.shiftsInput};
  d.team.share(kFeatureParts, [&](uint32_t part) { accumulatePart(d, piece, part); });
  d.team.serial(thread, [&] {
    sumBiasGradient(d);
    addScaled(1, d.biasGradient.data(), static_cast<int>(d.outStride), d.gradient.decoderBias.data());
    addSkipGradient(d);
  });
}

// What the pieces of a batch summed up to.
struct StepGradient {
  const Dictionary& d;

  bool has(uint32_t j) const { return d.touched[j] != 0; }

  void gather(uint32_t, uint32_t j, float* encoder, float* decoder, ScalarGradients& sums) const {
    if (!has(j)) return;
    __builtin_memcpy(encoder, &d.gradient.encoder[j * d.stride], d.stride * sizeof(float));
    __builtin_memcpy(decoder, &d.gradient.decoder[j * d.outStride], d.outStride * sizeof(float));
    const double* scalars = &d.scalarSums[j * kScalars];
    sums.encoderBias = scalars[0];
    sums.threshold = scalars[1];
    sums.magnitudeScale = scalars[2];
    sums.magnitudeBias = scalars[3];
  }
};

// Projection, clipping, Adam and renormalisation with the step's gradient. Every thread.
static void apply(Dictionary& d, uint32_t thread) {
  d.team.serial(thread, [&] {
    d.clipScale = 1;
    d.results.gradientNorm = -1;
    __builtin_memcpy(d.biasGradient.data(), d.gradient.decoderBias.data(), d.outStride * sizeof(float));
    loadSkipGradient(d);
  });
  const Adam adam = adamOf(d.settings);
  const StepGradient step = {d};
  Workspace& w = d.workspaces[thread];
  if (d.settings.maxGradientNorm >= 0) {
    d.team.share(kFeatureParts, [&](uint32_t part) { passPart<Pass::norm>(d, w, adam, step, part, 1); });
    d.team.serial(thread, [&] { d.clipScale = clip(d); });
  }
  d.team.share(kFeatureParts, [&](uint32_t part) { passPart<Pass::update>(d, w, adam, step, part, d.clipScale); });
  d.team.serial(thread, [&] { finishBackward(d, adam, Pass::update); });
}

}  // namespace ssae
