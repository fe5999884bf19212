// The backward pass: per feature, gradient, projection, clipping, Adam and renormalisation while its rows are in the cache.
//
// With r = x̂ − y, δ_ij = ∂L/∂pre_ij:
//   ∂W_dec[j] = Σ_i 2 w_i f_ij r_i (+ the penalty's), ∂W_enc[:, j] = Σ_i δ_ij z_i, ∂b_enc[j] = Σ_i δ_ij,
//   ∂b_dec = Σ_i 2 w_i r_i − Σ_ij δ_ij W_enc[:, j]  (the second term when z = x − b_dec).
// r of a Matryoshka dictionary is the sum over the levels that feature j is part of.
#pragma once
#include "feature-gradient.h"
#include "skip.h"

namespace ssae {

enum class Pass { norm, update, gradient, accumulate };

// Takes out of the gradient what would change the row's length.
static inline void project(const Dictionary& d, uint32_t j, float* gradient) {
  const int length = static_cast<int>(d.outStride);
  const float* row = &d.parameters.decoder[j * d.outStride];
  const float square = dot(row, row, length);
  if (square > 0) addScaled(-dot(gradient, row, length) / square, row, length, gradient);
}

static bool updateScalars(Dictionary& d, const Adam& adam, uint32_t j, const ScalarGradients& sums, float scale) {
  const auto step = [&](Array<float> Vectors::*name, double gradient) {
    return adam.step((d.parameters.*name)[j], (d.first.*name)[j], (d.second.*name)[j],
                     static_cast<float>(gradient) * scale);
  };
  bool moving = step(&Vectors::encoderBias, sums.encoderBias);
  if (d.shape.kind == kJumpRelu) moving |= step(&Vectors::threshold, sums.threshold);
  if (d.shape.kind != kGated) return moving;
  moving |= step(&Vectors::magnitudeScale, sums.magnitudeScale);
  moving |= step(&Vectors::magnitudeBias, sums.magnitudeBias);
  return moving;
}

static void updateFeature(Dictionary& d, const Adam& adam, uint32_t j, const float* encoder, const float* decoder,
                          const ScalarGradients& sums, float scale) {
  const int length = static_cast<int>(d.outStride);
  const size_t at = j * d.stride, out = j * d.outStride;
  float* row = &d.parameters.decoder[out];
  bool moving = stepRow(adam, kOfEncoder, j, &d.parameters.encoder[at], d.first.encoder, d.second.encoder, at, encoder, scale,
                        static_cast<int>(d.stride));
  moving |= stepRow(adam, kOfDecoder, j, row, d.first.decoder, d.second.decoder, out, decoder, scale, length);
  moving |= updateScalars(d, adam, j, sums, scale);
  d.moving[j] = moving;
  if (!d.shape.unitNorm || !moving) return;
  const float square = dot(row, row, length);
  if (square == 0) return;
  const Vector factor = broadcast(1 / __builtin_sqrtf(square));
  for (int i = 0; i < length; i += kLanes) store(row + i, load(row + i) * factor);
}

static inline double squareOf(const float* row, size_t length) {
  return dot(row, row, static_cast<int>(length));
}

static void storeGradient(Dictionary& d, uint32_t j, const float* encoder, const float* decoder,
                          const ScalarGradients& sums) {
  __builtin_memcpy(&d.gradient.encoder[j * d.stride], encoder, d.stride * sizeof(float));
  __builtin_memcpy(&d.gradient.decoder[j * d.outStride], decoder, d.outStride * sizeof(float));
  d.gradient.encoderBias[j] = static_cast<float>(sums.encoderBias);
  if (d.shape.kind == kJumpRelu) d.gradient.threshold[j] = static_cast<float>(sums.threshold);
  if (d.shape.kind != kGated) return;
  d.gradient.magnitudeScale[j] = static_cast<float>(sums.magnitudeScale);
  d.gradient.magnitudeBias[j] = static_cast<float>(sums.magnitudeBias);
}

// Where a feature's gradient comes from: here the batch that the latest forward pass had.
struct BatchGradient {
  Dictionary& d;
  Workspace& w;
  Source* sources;
  int count;
  bool sumsBias;  // what reaches b_dec through z goes to d.partBias

  bool has(uint32_t j) const {
    bool active = false;
    for (int s = 0; s < count; s++) active |= ssae::has(sources[s].activations, j);
    return active;
  }

  // Adds the gradient of feature j, of this part of the features, to its rows and sums.
  void gather(uint32_t part, uint32_t j, float* encoder, float* decoder, ScalarGradients& sums) const {
    sources[0].residuals = residualsOf(d, j);
    for (int s = 0; s < count; s++) addGradient(d, w, sources[s], j, encoder, decoder, sums);
    if (sums.along != 0)
      addScaled(static_cast<float>(sums.along), &d.parameters.decoder[j * d.outStride], static_cast<int>(d.outStride), decoder);
    if (sumsBias && has(j))
      addScaled(static_cast<float>(-sums.shift), &d.parameters.encoder[j * d.stride], static_cast<int>(d.stride),
                &d.partBias[part * d.stride]);
  }
};

// One part of the features. Features whose gradient and moments are all zero are not touched, nor those that do not train.
template <Pass pass, class Origin>
static void passPart(Dictionary& d, Workspace& w, const Adam& adam, const Origin& origin, uint32_t part, float scale) {
  float *encoder = w.gradient.data(), *decoder = encoder + d.stride;
  double squares = 0;
  for (uint32_t j = part * d.partFeatures(); j < (part + 1) * d.partFeatures() && j < d.shape.dSae; j++) {
    const bool active = origin.has(j);
    if (pass == Pass::update) d.tokensSinceFired[j] = silence(d, j);
    if (!d.trains(j) || (!active && (pass != Pass::update || !d.moving[j]))) continue;
    __builtin_memset(encoder, 0, (d.stride + d.outStride) * sizeof(float));
    ScalarGradients sums;
    origin.gather(part, j, encoder, decoder, sums);
    if (pass != Pass::gradient && d.shape.unitNorm && active) project(d, j, decoder);
    if (pass == Pass::norm) squares += squareOf(encoder, d.stride + d.outStride) + sums.squares();
    if (pass == Pass::update) updateFeature(d, adam, j, encoder, decoder, sums, scale);
    if (pass == Pass::gradient) storeGradient(d, j, encoder, decoder, sums);
  }
  d.partSquares[part] = squares;
}

// ∂b_dec into d.biasGradient, from the residuals and the parts' sums.
static void sumBiasGradient(Dictionary& d) {
  const int length = static_cast<int>(d.outStride);
  float* total = d.biasGradient.data();
  __builtin_memset(total, 0, d.outStride * sizeof(float));
  if (d.settings.partial != 0) return;
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    addScaled(d.scales[token], d.level(0) + token * d.outStride, length, total);
  if (d.shape.trainsGateDecoder)
    for (uint32_t token = 0; token < d.tokenCount(); token++)
      addScaled(2.0f / d.batchTokens(), &d.gateResiduals[token * d.outStride], length, total);
  if (!d.shape.shiftsInput) return;
  for (uint32_t part = 0; part < kFeatureParts; part++) addScaled(1, &d.partBias[part * d.stride], length, total);
}

// The gated dictionary's auxiliary loss, of a piece its share: mean_i ‖y_i − (relu(π_i + b_gate) W_dec + b_dec)‖².
static double gateLoss(const Dictionary& d) {
  double total = 0;
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    total += squareOf(&d.gateResiduals[token * d.outStride], d.outStride);
  return total / d.batchTokens();
}

static void forgetGradient(Dictionary& d) {
  const size_t features = d.shape.dSae;
  const auto zero = [](Array<float>& array, size_t count) { __builtin_memset(array.data(), 0, count * sizeof(float)); };
  zero(d.gradient.encoder, features * d.stride);
  zero(d.gradient.decoder, features * d.outStride);
  zero(d.gradient.encoderBias, features);
  if (d.shape.kind == kJumpRelu) zero(d.gradient.threshold, features);
  if (d.shape.kind != kGated) return;
  zero(d.gradient.magnitudeScale, features);
  zero(d.gradient.magnitudeBias, features);
}

static void beginBackward(Dictionary& d, Pass pass) {
  const uint32_t tokens = d.tokenCount();
  d.require(d.scales.reserveScratch(tokens) && d.penalties.reserveScratch(tokens) &&
            d.partBias.reserveScratch(kFeatureParts * d.stride) && d.biasGradient.reserveScratch(d.outStride) &&
            d.partSquares.reserveScratch(kFeatureParts));
  if (d.shape.skips) d.require(reserveSkipGradient(d));
  if (pass == Pass::gradient || pass == Pass::accumulate) d.require(d.gradient.reserve(d.shape, d.stride, d.outStride));
  d.results.gradientNorm = -1;
  d.results.auxiliaryLoss = d.results.dead = 0;
  if (d.failed()) return;
  for (uint32_t token = 0; token < tokens; token++) {
    d.scales[token] = static_cast<float>(2 * d.reconstructionWeight[token]);
    d.penalties[token] = static_cast<float>(d.settings.sparsityCoefficient * d.sparsityWeight[token]);
  }
  __builtin_memset(d.partBias.data(), 0, kFeatureParts * d.stride * sizeof(float));
  if (d.shape.kind == kGated) d.results.auxiliaryLoss = gateLoss(d);
  if (pass == Pass::gradient) forgetGradient(d);
}

// g ← g · min(1, maxGradientNorm / (‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_.
static float clip(Dictionary& d) {
  double squares = squareOf(d.biasGradient.data(), d.outStride) + skipSquares(d);
  for (uint32_t part = 0; part < kFeatureParts; part++) squares += d.partSquares[part];
  d.results.gradientNorm = __builtin_sqrt(squares);
  const double factor = d.settings.maxGradientNorm / (d.results.gradientNorm + 1e-6);
  return factor < 1 ? static_cast<float>(factor) : 1.0f;
}

static Adam adamOf(const Settings& s) {
  return {static_cast<float>(s.stepSize),  static_cast<float>(s.rootCorrection), static_cast<float>(s.beta1),
          static_cast<float>(s.beta2),     static_cast<float>(1 - s.beta1),      static_cast<float>(1 - s.beta2),
          static_cast<float>(s.epsilon),   static_cast<uint32_t>(s.adamStep)};
}

// b_dec and the skip, which belong to no feature. On one thread.
static void finishBackward(Dictionary& d, const Adam& adam, Pass pass) {
  if (pass == Pass::gradient) {
    __builtin_memcpy(d.gradient.decoderBias.data(), d.biasGradient.data(), d.outStride * sizeof(float));
    storeSkipGradient(d);
    return;
  }
  d.packed = false;
  if (d.settings.partial != 0) return;
  adam.step(d.parameters.decoderBias.data(), WideMoments{d.first.decoderBias.data(), d.second.decoderBias.data()},
            d.biasGradient.data(), d.clipScale, static_cast<int>(d.outStride));
  updateSkip(d, adam);
}

// The batch's reconstruction and the auxiliary one.
struct Sources {
  Source all[2];
  int count;
};

static Sources sourcesOf(Dictionary& d) {
  return {{{d.activations, d.level(0), d.scales.data(), d.shape.penalised() ? d.penalties.data() : nullptr, true},
           {d.auxiliary, d.auxiliaryResiduals.data(), d.auxiliaryScales.data(), nullptr, false}},
          d.results.dead > 0 ? 2 : 1};
}

// r_i ← 2 w_i r_i + g_i at every level, weighted by 1 from then on: x̂ of all features is part of each. AuxK reads r before. On one thread.
static void addSlopes(Dictionary& d) {
  const int length = static_cast<int>(d.outStride);
  for (uint32_t level = 0; level < d.levels(); level++)
    for (uint32_t token = 0; token < d.tokenCount(); token++) {
      float* residual = d.level(level) + token * d.outStride;
      const float* slopes = &d.outputSlopes[token * d.outStride];
      const Vector scale = broadcast(d.scales[token]);
      for (int i = 0; i < length; i += kLanes) store(residual + i, load(residual + i) * scale + load(slopes + i));
    }
  for (uint32_t token = 0; token < d.tokenCount(); token++) d.scales[token] = 1;
}

// Everything of the latest forward pass that gradients are summed from. Every thread. False: no memory.
static bool prepareSources(Dictionary& d, uint32_t thread, Pass pass) {
  d.team.serial(thread, [&] { beginBackward(d, pass); });
  if (d.failed()) return false;
  transpose(d, d.activations, thread);
  if (!d.failed() && d.settings.auxiliaryK > 0) auxiliaryForward(d, thread);
  if (!d.failed() && d.settings.hasSlopes != 0) d.team.serial(thread, [&] { addSlopes(d); });
  if (!d.failed() && d.shape.skips) findSkipGradient(d, thread);
  d.team.serial(thread, [&] { d.clipScale = 1; });
  return !d.failed();
}

static void backward(Dictionary& d, uint32_t thread, Pass pass) {
  if (!prepareSources(d, thread, pass)) return;
  const Adam adam = adamOf(d.settings);
  Workspace& w = d.workspaces[thread];
  Sources sources = sourcesOf(d);
  const bool clips = pass == Pass::update && d.settings.maxGradientNorm >= 0, shifts = d.shape.shiftsInput;
  const BatchGradient first = {d, w, sources.all, sources.count, shifts};
  const auto everyPart = [&](auto part) { d.team.share(kFeatureParts, part); };
  if (pass == Pass::gradient)
    everyPart([&](uint32_t part) { passPart<Pass::gradient>(d, w, adam, first, part, 1); });
  if (clips) {
    everyPart([&](uint32_t part) { passPart<Pass::norm>(d, w, adam, first, part, 1); });
    d.team.serial(thread, [&] {
      sumBiasGradient(d);
      d.clipScale = clip(d);
    });
  }
  const BatchGradient second = {d, w, sources.all, sources.count, shifts && !clips};
  if (pass == Pass::update)
    everyPart([&](uint32_t part) { passPart<Pass::update>(d, w, adam, second, part, d.clipScale); });
  d.team.serial(thread, [&] {
    if (!clips) sumBiasGradient(d);
    finishBackward(d, adam, pass);
  });
}

}  // namespace ssae
