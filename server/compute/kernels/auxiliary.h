// AuxK (2406.04093, appendix A.2): dead latents learn to reconstruct the residual e = x − x̂, which is held constant.
//
// L = α · mean_i ‖e_i − ê_i‖² [/ mean_i ‖e_i − ē‖²], ê = z W_dec over the k largest positive pre-activations of dead latents.
// SAELens' form takes negative ones too, does not divide, and multiplies by min(1, dead / k); dead is who was before this batch.
// A residual without variance (a batch of one token) gives no auxiliary loss when it is normalised.
#pragma once
#include "activation.h"
#include "encode.h"
#include "transpose.h"

namespace ssae {

constexpr uint32_t kVarianceColumns = 16;

static inline uint32_t varianceGroups(const Dictionary& d) { return static_cast<uint32_t>(d.outStride) / kVarianceColumns; }

static inline bool has(const Activations& a, uint32_t feature) {
  return a.featureStart[feature + 1] > a.featureStart[feature];
}

static inline bool fires(const Dictionary& d, uint32_t feature) {
  const Activations& a = d.activations;
  if (isDecodedAsSeen(d.shape) || d.shape.rescaled) return has(a, feature);
  for (size_t at = a.featureStart[feature]; at < a.featureStart[feature + 1]; at++)
    if (activationOf(d, feature, a.byFeatureValues[at]) > 0) return true;
  return false;
}

// Tokens since the feature last fired, this batch included, all pieces of it.
static inline double silence(const Dictionary& d, uint32_t feature) {
  const bool fired = d.settings.batchTokens > 0 ? d.fired[feature] != 0 : fires(d, feature);
  return fired ? 0 : d.tokensSinceFired[feature] + d.batchTokens();
}

static void findDead(Dictionary& d) {
  d.require(d.dead.reserveScratch(d.shape.dSae));
  if (d.failed()) return;
  const bool before = d.settings.auxiliaryForm == kSaeLens;
  uint32_t dead = 0;
  for (uint32_t j = 0; j < d.shape.dSae; j++)
    if ((before ? d.tokensSinceFired[j] : silence(d, j)) >= d.settings.deadAfterTokens) d.dead[dead++] = j;
  d.results.dead = dead;
}

struct ColumnSpread {
  double means[kVarianceColumns] = {};
  double squares = 0;
};

// r̄ and Σ_i (r_i − r̄)² over kVarianceColumns columns of the residuals.
static ColumnSpread spreadOf(const Dictionary& d, uint32_t group) {
  ColumnSpread spread;
  const float* residuals = d.lastResiduals() + group * kVarianceColumns;
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    for (uint32_t i = 0; i < kVarianceColumns; i++) spread.means[i] += residuals[token * d.outStride + i];
  for (double& mean : spread.means) mean /= d.tokenCount();
  for (uint32_t token = 0; token < d.tokenCount(); token++)
    for (uint32_t i = 0; i < kVarianceColumns; i++) {
      const double difference = residuals[token * d.outStride + i] - spread.means[i];
      spread.squares += difference * difference;
    }
  return spread;
}

// Loss and the factor of its gradient, from ‖ê_i − e_i‖² in d.auxiliarySums and the residual's variance behind it or in d.surveySquares.
static void weighAuxiliary(Dictionary& d) {
  const uint32_t tokens = d.batchTokens();
  const double* spread = d.settings.batchTokens > 0 ? d.surveySquares.data() : &d.auxiliarySums[d.tokenCount()];
  double squares = 0, variance = 0;
  for (uint32_t token = 0; token < d.tokenCount(); token++) squares += d.auxiliarySums[token];
  for (uint32_t group = 0; group < varianceGroups(d); group++) variance += spread[group];
  const double divisor = d.settings.auxiliaryForm == kNormalised ? variance / tokens : 1;
  const double share = d.results.dead / d.settings.auxiliaryK;
  const double scale = d.settings.auxiliaryForm == kSaeLens && share < 1 ? share : 1;
  const double factor = divisor > 0 ? d.settings.auxiliaryCoefficient * scale / (tokens * divisor) : 0;
  d.results.auxiliaryLoss = factor * squares;
  for (uint32_t token = 0; token < d.tokenCount(); token++) d.auxiliaryScales[token] = static_cast<float>(2 * factor);
}

// Fills d.auxiliary (by feature), residuals ê − e and scales. After `transpose` of the batch's activations.
static void auxiliaryForward(Dictionary& d, uint32_t thread) {
  d.team.serial(thread, [&] { findDead(d); });
  const uint32_t dead = static_cast<uint32_t>(d.results.dead);
  if (d.failed() || dead == 0) return;
  const uint32_t k = d.settings.auxiliaryK < dead ? static_cast<uint32_t>(d.settings.auxiliaryK) : dead;
  const Rule rule = {k, d.settings.auxiliaryForm == kSaeLens ? -__builtin_inff() : 0, nullptr};
  d.team.serial(thread, [&] {
    d.require(d.deadPanels.reserve(dead, d.shape.dIn) && d.auxiliaryScales.reserveScratch(d.tokenCount()) &&
              d.auxiliaryResiduals.reserveScratch(d.tokenCount() * d.outStride) &&
              d.auxiliarySums.reserveScratch(d.tokenCount() + varianceGroups(d)));
    beginBlocks(d, d.auxiliary, rule, k, dead);
  });
  if (d.failed()) return;
  pack(d, d.deadPanels, [&](size_t index) { return d.dead[index]; });
  d.team.serial(thread, [] {});
  Workspace& w = d.workspaces[thread];
  const int length = static_cast<int>(d.outStride);
  everyBlock(d, d.auxiliary, thread, [&](size_t first, int rows) {
    select(d, w, d.deadPanels, rule, &d.tokens[first * d.stride], rows, nullptr);
    if (!keep(w, d.auxiliary, first, rows, [&](uint32_t index) { return d.dead[index]; })) return false;
    for (size_t token = first; token < first + rows; token++) {
      float* residual = &d.auxiliaryResiduals[token * d.outStride];
      __builtin_memcpy(residual, d.lastResiduals() + token * d.outStride, d.outStride * sizeof(float));
      const size_t start = d.auxiliary.start[token];
      const uint32_t count = d.auxiliary.count[token];
      const uint32_t* features = &d.auxiliary.features[start];
      const float* decoded = &d.auxiliary.values[start];
      if (d.shape.rescaled) {
        for (uint32_t q = 0; q < count; q++) w.decoded[q] = decodedOf(d, features[q], decoded[q]);
        decoded = w.decoded.data();
      }
      addRows(d.parameters.decoder.data(), d.outStride, features, decoded, count, length, residual);
      d.auxiliarySums[token] = dot(residual, residual, length);
    }
    return true;
  });
  if (d.settings.batchTokens == 0)
    d.team.share(varianceGroups(d),
                 [&](uint32_t group) { d.auxiliarySums[d.tokenCount() + group] = spreadOf(d, group).squares; });
  d.team.serial(thread, [&] { weighAuxiliary(d); });
  transpose(d, d.auxiliary, thread);
}

}  // namespace ssae
