// One dictionary in memory: parameters, Adam's moments, and what a call needs. Numbers as in ../engine.ts.
//
// Rows of matrices are padded with zeros to `stride` floats. Parameters are feature-major: row j belongs to feature j.
#pragma once
#include "gemm.h"
#include "memory.h"
#include "selection.h"
#include "team.h"

namespace ssae {

static inline size_t roundUp(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

struct Shape {
  int dIn;
  uint32_t dSae;
  // The largest number of features of a token: k, or dSae for ReLU.
  uint32_t k;
  bool shiftsInput;       // applyDecoderBiasToInput
  bool unitNorm;          // unitNormDecoder
  bool normWeighted;      // penalty 'decoder_norm_weighted'
  bool penalised;         // ReLU
};

// What the caller sets before a call; all float64 so that both builds pass it as one array. Order: ../kernel-instance.ts.
struct Settings {
  double tokens, sparsityCoefficient;
  double stepSize, rootCorrection, beta1, beta2, epsilon;
  double maxGradientNorm;  // negative: no clipping
  double auxiliaryK, auxiliaryCoefficient, deadAfterTokens, auxiliaryNormalised;
};

// What a call leaves behind. Order: ../kernel-instance.ts.
struct Results {
  double outOfMemory, notFiniteRow, active, auxiliaryLoss, gradientNorm, dead;
};

struct Parameters {
  Array<float> encoder, encoderBias, decoder, decoderBias;

  bool reserve(size_t features, size_t stride) {
    return encoder.reserve(features * stride) && decoder.reserve(features * stride) && encoderBias.reserve(features) &&
           decoderBias.reserve(stride);
  }
};

// Encoder rows of some features, packed for the GEMM, with their biases.
struct Panels {
  Array<float> weights, bias;
  size_t features = 0;
  size_t count() const { return (features + kTileColumns - 1) / kTileColumns; }
  bool reserve(size_t selected, size_t depth) {
    features = selected;
    return weights.reserveScratch(count() * kTileColumns * depth) && bias.reserveScratch(count() * kTileColumns);
  }
};

// Activations of a batch, by token and (after `transpose`) by feature.
struct Activations {
  Array<size_t> start;     // [tokens] into features, values
  Array<uint32_t> count;   // [tokens]
  Array<uint32_t> features;
  Array<float> values;
  size_t used = 0;
  size_t missing = 0;
  Array<size_t> featureStart;  // [dSae + 1] into byFeatureTokens, byFeatureValues
  Array<uint32_t> byFeatureTokens;
  Array<float> byFeatureValues;

  bool reserve(size_t tokens, size_t entries) {
    return start.reserveScratch(tokens) && count.reserveScratch(tokens) && features.reserve(entries) && values.reserve(entries);
  }
};

// What one thread works in.
struct Workspace {
  Array<float> packedTokens, slice, values, spare, gradient, scales, deltas;
  Array<uint32_t> features;
  Selection selections[kBlockTokens];
};

constexpr int kMaximumThreads = 64;
// Features are cut into this many parts, whatever the number of threads: sums over parts have one order.
constexpr uint32_t kFeatureParts = 64;

struct Dictionary {
  Shape shape;
  size_t stride;  // of rows, in floats
  Team team;
  Settings settings;
  Results results;

  Parameters parameters, first, second, gradient;
  Array<uint8_t> moving;  // [dSae] whether any moment of the feature is non-zero
  Array<double> tokensSinceFired;

  Panels panels;
  bool packed = false;
  Array<float> decoderNorms;  // [dSae], ReLU with the weighted penalty

  Array<float> tokens;     // [tokens, stride]: x, then z once the forward pass of its block is done
  Array<float> residuals;  // [tokens, stride]: x̂ − x
  Array<double> reconstructionLoss, sparsityLoss, reconstructionWeight, sparsityWeight;
  Activations activations;
  Array<uint8_t> blockDone;
  int64_t notFinite;  // the first token that has such a value
  Workspace workspaces[kMaximumThreads];

  // Encode's and decode's compressed rows and x̂.
  Array<uint32_t> rowOffsets, rowFeatures;
  Array<float> rowValues, output;

  // Auxiliary loss.
  Array<uint32_t> dead;
  Panels deadPanels;
  Activations auxiliary;
  Array<float> auxiliaryResiduals;  // [tokens, stride]: ê − e
  Array<float> auxiliaryScales;    // [tokens] the factor of the auxiliary gradient
  Array<double> auxiliarySums;      // per token, then per column part

  Array<float> scales;         // [tokens] 2·w of the reconstruction
  Array<float> penalties;      // [tokens] λ·w of the sparsity
  Array<float> partBias;       // [kFeatureParts, stride] of the gradient of b_dec through z
  Array<float> biasGradient;   // [stride]
  Array<double> partSquares;   // [kFeatureParts]
  float clipScale;

  uint32_t tokenCount() const { return static_cast<uint32_t>(settings.tokens); }
  uint32_t blocks() const { return (tokenCount() + kBlockTokens - 1) / kBlockTokens; }
  uint32_t partFeatures() const { return (shape.dSae + kFeatureParts - 1) / kFeatureParts; }
  bool failed() const { return results.outOfMemory != 0; }
  void require(bool reserved) {
    if (!reserved) results.outOfMemory = 1;
  }

  bool reserve(bool trains) {
    const size_t features = shape.dSae;
    if (!parameters.reserve(features, stride)) return false;
    if (!trains) return true;
    return first.reserve(features, stride) && second.reserve(features, stride) && moving.reserve(features) &&
           tokensSinceFired.reserve(features);
  }
};

}  // namespace ssae
