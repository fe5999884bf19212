// The backward pass: per feature, gradient, projection, clipping, Adam and renormalisation while its rows are in the cache.
//
// With r = x̂ − x, δ_ij = 2 w_i r_i·W_dec[j] + λ w'_i u_j on active (i, j):
//   ∂W_dec[j] = Σ_i 2 w_i f_ij r_i + (λ Σ_i w'_i f_ij) W_dec[j]/u_j,  ∂W_enc[:, j] = Σ_i δ_ij z_i,  ∂b_enc[j] = Σ_i δ_ij,
//   ∂b_dec = Σ_i 2 w_i r_i − Σ_j ∂b_enc[j] W_enc[:, j]  (the second term when z = x − b_dec).
#pragma once
#include "auxiliary.h"

namespace ssae {

enum class Pass { norm, update, gradient };

// One reconstruction that features take part in: the batch's, and the auxiliary one.
struct Source {
  const Activations& activations;
  const float* residuals;
  const float* scales;
  const float* penalties;  // null: none
};

// Adds a source's gradient of feature j to the rows; returns ∂b_enc[j].
static double addGradient(const Dictionary& d, Workspace& w, const Source& source, uint32_t j, float* encoder,
                          float* decoder) {
  const size_t start = source.activations.featureStart[j], end = source.activations.featureStart[j + 1];
  const uint32_t count = static_cast<uint32_t>(end - start);
  if (count == 0) return 0;
  const int length = static_cast<int>(d.stride);
  const uint32_t* tokens = &source.activations.byFeatureTokens[start];
  const float* values = &source.activations.byFeatureValues[start];
  const float* row = &d.parameters.decoder[j * d.stride];
  const float norm = d.shape.normWeighted ? d.decoderNorms[j] : 1;
  double bias = 0, penalty = 0;
  for (uint32_t q = 0; q < count; q++) {
    const uint32_t token = tokens[q];
    const float scale = source.scales[token];
    float delta = scale * dot(source.residuals + token * d.stride, row, length);
    if (source.penalties != nullptr) {
      delta += source.penalties[token] * norm;
      penalty += static_cast<double>(source.penalties[token]) * values[q];
    }
    w.scales[q] = scale * values[q];
    w.deltas[q] = delta;
    bias += delta;
  }
  addRows(source.residuals, d.stride, tokens, w.scales.data(), count, length, decoder);
  addRows(d.tokens.data(), d.stride, tokens, w.deltas.data(), count, length, encoder);
  if (source.penalties != nullptr && d.shape.normWeighted && norm > 0)
    addScaled(static_cast<float>(penalty / norm), row, length, decoder);
  return bias;
}

// Takes out of the gradient what would change the row's length.
static inline void project(const Dictionary& d, uint32_t j, float* gradient) {
  const int length = static_cast<int>(d.stride);
  const float* row = &d.parameters.decoder[j * d.stride];
  const float square = dot(row, row, length);
  if (square > 0) addScaled(-dot(gradient, row, length) / square, row, length, gradient);
}

static void updateFeature(Dictionary& d, const Adam& adam, uint32_t j, const float* encoder, const float* decoder,
                          float bias, float scale) {
  const int length = static_cast<int>(d.stride);
  const size_t at = j * d.stride;
  float* row = &d.parameters.decoder[at];
  bool moving = adam.step(&d.parameters.encoder[at], &d.first.encoder[at], &d.second.encoder[at], encoder, scale, length);
  moving |= adam.step(row, &d.first.decoder[at], &d.second.decoder[at], decoder, scale, length);
  moving |= adam.step(d.parameters.encoderBias[j], d.first.encoderBias[j], d.second.encoderBias[j], bias * scale);
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

// One part of the features. Features whose gradient and moments are all zero are not touched.
template <Pass pass>
static void passPart(Dictionary& d, Workspace& w, const Adam& adam, const Source* sources, int sourceCount, uint32_t part,
                     float scale, bool sumsBias) {
  float *encoder = w.gradient.data(), *decoder = encoder + d.stride;
  float* partBias = &d.partBias[part * d.stride];
  double squares = 0;
  for (uint32_t j = part * d.partFeatures(); j < (part + 1) * d.partFeatures() && j < d.shape.dSae; j++) {
    bool active = false;
    for (int s = 0; s < sourceCount; s++) active |= fires(sources[s].activations, j);
    if (pass == Pass::update) d.tokensSinceFired[j] = silence(d, j);
    if (!active && (pass != Pass::update || !d.moving[j])) continue;
    __builtin_memset(encoder, 0, 2 * d.stride * sizeof(float));
    double bias = 0;
    for (int s = 0; s < sourceCount; s++) bias += addGradient(d, w, sources[s], j, encoder, decoder);
    if (sumsBias && active)
      addScaled(static_cast<float>(-bias), &d.parameters.encoder[j * d.stride], static_cast<int>(d.stride), partBias);
    if (pass != Pass::gradient && d.shape.unitNorm && active) project(d, j, decoder);
    if (pass == Pass::norm) squares += squareOf(encoder, 2 * d.stride) + bias * bias;
    if (pass == Pass::update) updateFeature(d, adam, j, encoder, decoder, static_cast<float>(bias), scale);
    if (pass == Pass::gradient) {
      __builtin_memcpy(&d.gradient.encoder[j * d.stride], encoder, d.stride * sizeof(float));
      __builtin_memcpy(&d.gradient.decoder[j * d.stride], decoder, d.stride * sizeof(float));
      d.gradient.encoderBias[j] = static_cast<float>(bias);
    }
  }
  d.partSquares[part] = squares;
}

// ∂b_dec into d.biasGradient, from the residuals and the parts' sums.
static void sumBiasGradient(Dictionary& d) {
  const int length = static_cast<int>(d.stride);
  float* total = d.biasGradient.data();
  __builtin_memset(total, 0, d.stride * sizeof(float));
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    addScaled(d.scales[token], &d.residuals[token * d.stride], length, total);
  if (!d.shape.shiftsInput) return;
  for (uint32_t part = 0; part < kFeatureParts; part++) addScaled(1, &d.partBias[part * d.stride], length, total);
}

static void beginBackward(Dictionary& d, Pass pass) {
  const uint32_t tokens = d.tokenCount();
  d.require(d.scales.reserveScratch(tokens) && d.penalties.reserveScratch(tokens) &&
            d.partBias.reserveScratch(kFeatureParts * d.stride) && d.biasGradient.reserveScratch(d.stride) &&
            d.partSquares.reserveScratch(kFeatureParts));
  if (pass == Pass::gradient) d.require(d.gradient.reserve(d.shape.dSae, d.stride));
  d.results.gradientNorm = -1;
  d.results.auxiliaryLoss = d.results.dead = 0;
  if (d.failed()) return;
  for (uint32_t token = 0; token < tokens; token++) {
    d.scales[token] = static_cast<float>(2 * d.reconstructionWeight[token]);
    d.penalties[token] = static_cast<float>(d.settings.sparsityCoefficient * d.sparsityWeight[token]);
  }
  __builtin_memset(d.partBias.data(), 0, kFeatureParts * d.stride * sizeof(float));
  if (pass != Pass::gradient) return;
  __builtin_memset(d.gradient.encoder.data(), 0, d.shape.dSae * d.stride * sizeof(float));
  __builtin_memset(d.gradient.decoder.data(), 0, d.shape.dSae * d.stride * sizeof(float));
  __builtin_memset(d.gradient.encoderBias.data(), 0, d.shape.dSae * sizeof(float));
}

// g ← g · min(1, maxGradientNorm / (‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_.
static float clip(Dictionary& d) {
  double squares = squareOf(d.biasGradient.data(), d.stride);
  for (uint32_t part = 0; part < kFeatureParts; part++) squares += d.partSquares[part];
  d.results.gradientNorm = __builtin_sqrt(squares);
  const double factor = d.settings.maxGradientNorm / (d.results.gradientNorm + 1e-6);
  return factor < 1 ? static_cast<float>(factor) : 1.0f;
}

static void backward(Dictionary& d, uint32_t thread, Pass pass) {
  d.team.serial(thread, [&] { beginBackward(d, pass); });
  if (d.failed()) return;
  transpose(d, d.activations, thread);
  if (!d.failed() && d.settings.auxiliaryK > 0) auxiliaryForward(d, thread);
  d.team.serial(thread, [&] { d.clipScale = 1; });
  if (d.failed()) return;
  const Settings& s = d.settings;
  const Adam adam = {static_cast<float>(s.stepSize),  static_cast<float>(s.rootCorrection), static_cast<float>(s.beta1),
                     static_cast<float>(s.beta2),     static_cast<float>(1 - s.beta1),      static_cast<float>(1 - s.beta2),
                     static_cast<float>(s.epsilon)};
  const Source sources[] = {
      {d.activations, d.residuals.data(), d.scales.data(), d.shape.penalised ? d.penalties.data() : nullptr},
      {d.auxiliary, d.auxiliaryResiduals.data(), d.auxiliaryScales.data(), nullptr}};
  const int count = d.results.dead > 0 ? 2 : 1;
  Workspace& w = d.workspaces[thread];
  const auto everyPart = [&](auto part) { d.team.share(kFeatureParts, part); };
  const bool clips = pass == Pass::update && s.maxGradientNorm >= 0, shifts = d.shape.shiftsInput;
  if (pass == Pass::gradient)
    everyPart([&](uint32_t part) { passPart<Pass::gradient>(d, w, adam, sources, count, part, 1, shifts); });
  if (clips) {
    everyPart([&](uint32_t part) { passPart<Pass::norm>(d, w, adam, sources, count, part, 1, shifts); });
    d.team.serial(thread, [&] {
      sumBiasGradient(d);
      d.clipScale = clip(d);
    });
  }
  if (pass == Pass::update)
    everyPart([&](uint32_t part) {
      passPart<Pass::update>(d, w, adam, sources, count, part, d.clipScale, shifts && !clips);
    });
  d.team.serial(thread, [&] {
    if (!clips) sumBiasGradient(d);
    if (pass == Pass::gradient) {
      __builtin_memcpy(d.gradient.decoderBias.data(), d.biasGradient.data(), d.stride * sizeof(float));
      return;
    }
    adam.step(d.parameters.decoderBias.data(), d.first.decoderBias.data(), d.second.decoderBias.data(),
              d.biasGradient.data(), d.clipScale, static_cast<int>(d.stride));
    d.packed = false;
  });
}

}  // namespace ssae
