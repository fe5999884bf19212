// One dictionary in memory: parameters, Adam's moments, and what a call needs. Numbers as in ../engine.ts.
//
// Rows of matrices are padded with zeros to `stride` floats. Parameters are feature-major: row j belongs to feature j.
#pragma once
#include "candidates.h"
#include "moments.h"
#include "selection.h"
#include "team.h"

namespace ssae {

static inline size_t roundUp(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

enum Kind : uint32_t { kRelu, kTopK, kBatchTopK, kJumpRelu, kGated };

struct Shape {
  int dIn, dOut;
  uint32_t dSae;
  Kind kind;
  // Of a token, or of a batch's tokens on average; dSae where nothing limits them.
  uint32_t k;
  bool shiftsInput;   // applyDecoderBiasToInput
  bool unitNorm;      // unitNormDecoder
  bool normWeighted;  // a penalty that u_j = ‖W_dec[j]‖ takes part in
  bool rescaled;      // rescaledByDecoderNorm: chosen by u_j · pre, decoded without u_j
  bool tanhPenalty;   // jumprelu: λ Σ tanh(c f u) instead of λ Σ 1[pre > θ]
  bool intoInput;     // jumprelu: straightThroughToInput
  bool trainsGateDecoder;  // gated: SAELens' variant
  bool skips;         // skip transcoder
  bool limited() const { return kind == kTopK; }
  bool penalised() const { return kind == kRelu || kind == kJumpRelu || kind == kGated; }
  // Decoder norms are read in the forward and the backward pass.
  bool usesNorms() const { return normWeighted || rescaled; }
};

// What the caller sets before a call; all float64 so that both builds pass it as one array. Order: ../kernel-instance.ts.
struct Settings {
  double tokens, sparsityCoefficient;
  double hasTargets, levels;  // levels: of Matryoshka, 1 elsewhere
  double bandwidth, tanhScale;
  double stepSize, rootCorrection, beta1, beta2, epsilon;
  double maxGradientNorm;  // negative: no clipping
  double auxiliaryK, auxiliaryCoefficient, deadAfterTokens, auxiliaryForm;
  double partial;  // only features of `trained` train
  // Of a batch that comes in pieces: all its tokens (0: the call's are all), and those that pieces before the call brought.
  double batchTokens, surveyed, accumulated;
  double adamStep;  // counted from 1
  double hasSlopes;  // x̂ has the slopes of `outputSlopes` beside those of the losses
};

enum AuxiliaryForm { kPlain, kNormalised, kSaeLens };

// What a call leaves behind. Order: ../kernel-instance.ts.
struct Results {
  double outOfMemory, notFiniteRow, active, auxiliaryLoss, gradientNorm, dead, smallest;
};

struct Vectors {
  Array<float> encoderBias, decoderBias;
  Array<float> threshold;                      // [dSae] jumprelu's θ
  Array<float> magnitudeScale, magnitudeBias;  // [dSae] gated's r and b_mag

  bool reserveVectors(const Shape& shape, size_t outStride) {
    const size_t features = shape.dSae;
    return encoderBias.reserve(features) && decoderBias.reserve(outStride) &&
           (shape.kind != kJumpRelu || threshold.reserve(features)) &&
           (shape.kind != kGated || (magnitudeScale.reserve(features) && magnitudeBias.reserve(features)));
  }
};

struct Parameters : Vectors {
  Array<float> encoder, decoder;
  Array<float> skip;  // [dOut, stride]

  bool reserve(const Shape& shape, size_t stride, size_t outStride) {
    const size_t features = shape.dSae;
    return encoder.reserve(features * stride) && decoder.reserve(features * outStride) && reserveVectors(shape, outStride) &&
           (!shape.skips || skip.reserve(shape.dOut * stride));
  }
};

// Adam's first or second.
struct Moments : Vectors {
  MomentMatrix encoder, decoder, skip;

  bool reserve(const Shape& shape, size_t stride, size_t outStride, bool narrow) {
    const size_t features = shape.dSae;
    return encoder.reserve(features * stride, narrow) && decoder.reserve(features * outStride, narrow) &&
           reserveVectors(shape, outStride) && (!shape.skips || skip.reserve(shape.dOut * stride, narrow));
  }
};

// Encoder rows of some features, packed for the GEMM, with their biases.
struct Panels {
  Array<float> weights, bias;
  size_t features = 0;
  bool packed = false;  // of the current parameters
  size_t count() const { return (features + kTileColumns - 1) / kTileColumns; }
  bool reserve(size_t selected, size_t depth) {
    features = selected;
    return weights.reserveScratch(count() * kTileColumns * depth) && bias.reserveScratch(count() * kTileColumns);
  }
};

// Activations of a batch, by token and (after `transpose`) by feature. Values are what the selection saw: u·pre of a rescaled
// dictionary, pre of jumprelu (and of what lies in its kernel's window), π + b_gate of a gated one; `activationOf` makes f of them.
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
  Array<float> packedTokens, slice, values, spare, gradient, scales, deltas, decoded, packedScaled;
  Array<uint32_t> features;
  Selection selections[kBlockTokens];
  [[no_unique_address]] ScreenWorkspace screen;
};

constexpr int kMaximumThreads = 64;
// Features are cut into this many parts, whatever the number of threads: sums over parts have one order.
constexpr uint32_t kFeatureParts = 64;

struct Dictionary {
  Shape shape;
  size_t stride;     // of rows of d_in, in floats
  size_t outStride;  // of rows of d_out
  Team team;
  Settings settings;
  Results results;

  Parameters parameters, gradient;
  Moments first, second;
  Array<uint8_t> moving;  // [dSae] whether any moment of the feature is non-zero
  Array<double> tokensSinceFired;

  Panels panels;
  [[no_unique_address]] Screen screen;
  bool packed = false;  // what is derived from the parameters is theirs; the panels have a flag of their own
  Array<float> decoderNorms;  // [dSae] u_j
  Array<float> limits;        // [dSae, padded] jumprelu: features above them are kept; infinite in the padding
  Array<float> gains;         // [dSae] gated: exp(r)
  Array<uint8_t> trained;     // [dSae] with settings.partial
  Panels skipPanels;

  Array<float> tokens;     // [tokens, stride]: x, then z once the forward pass of its block is done
  Array<float> targets;    // [tokens, outStride] with settings.hasTargets
  Array<uint32_t> widths;  // [levels] prefixes of features, ascending; the last is dSae
  // [levels, tokens, outStride]: Σ over levels m ≥ l of x̂⁽ᵐ⁾ − y. The last level is x̂ − y.
  Array<float> residuals;
  Array<float> gateResiduals;  // [tokens, outStride] gated: relu(π + b_gate) W_dec + b_dec − y
  bool settled = false;        // batchtopk: the guess was low enough
  float cut = 0;               // batchtopk: a guess below the next batch's smallest kept value
  Array<float> chosen;         // batchtopk: the values that may be kept
  Array<uint32_t> blockActive; // [blocks] non-zero activations
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
  Array<float> outputSlopes;        // [tokens, outStride] with settings.hasSlopes
  Array<float> auxiliaryResiduals;  // [tokens, outStride]: ê − e
  Array<float> auxiliaryScales;    // [tokens] the factor of the auxiliary gradient
  Array<double> auxiliarySums;      // per token, then per column part

  Array<float> scales;         // [tokens] 2·w of the reconstruction
  Array<float> penalties;      // [tokens] λ·w of the sparsity
  Array<float> partBias;       // [kFeatureParts, stride] of the gradient of b_dec through z
  Array<float> biasGradient;   // [outStride]
  // The skip's gradient [dOut, stride], its GEMM's panels of tokens and its zero bias; rows are whole panels.
  Array<float> skipGradient, tokenPanels, skipBias;
  Array<double> partSquares;   // [kFeatureParts]
  float clipScale;

  // A step whose batch comes in pieces. Its gradient is in `gradient`, but for the scalars of features.
  Array<uint8_t> fired;         // [dSae] in a piece so far
  Array<uint8_t> touched;       // [dSae] a piece added to the feature's gradient
  Array<double> scalarSums;     // [dSae, kScalars]
  Array<double> surveyMeans;    // [outStride] of the residuals
  Array<double> surveySquares;  // [outStride / kVarianceColumns] Σ_i (r_i − r̄)² over so many columns

  // Of the whole batch, where the call has a piece of it.
  uint32_t batchTokens() const { return settings.batchTokens > 0 ? static_cast<uint32_t>(settings.batchTokens) : tokenCount(); }
  uint32_t tokenCount() const { return static_cast<uint32_t>(settings.tokens); }
  uint32_t blocks() const { return (tokenCount() + kBlockTokens - 1) / kBlockTokens; }
  uint32_t partFeatures() const { return (shape.dSae + kFeatureParts - 1) / kFeatureParts; }
  bool failed() const { return results.outOfMemory != 0; }
  void require(bool reserved) {
    if (!reserved) results.outOfMemory = 1;
  }

  // What is reconstructed.
  const float* target(size_t token) const {
    return settings.hasTargets != 0 ? &targets[token * outStride] : &tokens[token * stride];
  }
  uint32_t levels() const { return settings.levels < 1 ? 1 : static_cast<uint32_t>(settings.levels); }
  float* level(uint32_t index) const { return &residuals[static_cast<size_t>(index) * tokenCount() * outStride]; }
  const float* lastResiduals() const { return level(levels() - 1); }
  bool trains(uint32_t feature) const { return settings.partial == 0 || trained[feature] != 0; }

  bool reserve(bool trains, bool narrowMoments) {
    if (!parameters.reserve(shape, stride, outStride)) return false;
    if (!trains) return true;
    return first.reserve(shape, stride, outStride, narrowMoments) && second.reserve(shape, stride, outStride, narrowMoments) &&
           moving.reserve(shape.dSae) && tokensSinceFired.reserve(shape.dSae);
  }
};

}  // namespace ssae
