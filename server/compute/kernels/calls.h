// What the two builds offer to JavaScript: make a dictionary, name its memory, run a call on a team of threads.
#pragma once
#include "backward.h"
#include "forward.h"

namespace ssae {

enum Call : uint32_t { kForward, kBackward, kGradient, kEncode, kDecode };

// Order: ../kernel-instance.ts.
enum Region : uint32_t {
  kSettings, kResults,
  kEncoder, kEncoderBias, kDecoder, kDecoderBias,
  kFirstEncoder, kFirstEncoderBias, kFirstDecoder, kFirstDecoderBias,
  kSecondEncoder, kSecondEncoderBias, kSecondDecoder, kSecondDecoderBias,
  kGradientEncoder, kGradientEncoderBias, kGradientDecoder, kGradientDecoderBias,
  kTokensSinceFired, kTokens, kReconstructionLoss, kSparsityLoss, kReconstructionWeight, kSparsityWeight,
  kRowOffsets, kRowFeatures, kRowValues, kOutput,
};

// `k` = 0: ReLU. Flags: 1 shifts input, 2 unit-norm decoder, 4 penalty weighted by decoder norms, 8 trains.
static bool prepare(Dictionary& d, uint32_t dIn, uint32_t dSae, uint32_t k, uint32_t flags) {
  d.shape = {static_cast<int>(dIn), dSae, k == 0 ? dSae : k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, k == 0};
  d.stride = roundUp(dIn, kRowAlignment);
  return d.reserve((flags & 8) != 0);
}

// Regions whose rows are padded to the stride; all others are plain arrays.
static bool isMatrix(uint32_t which) {
  if (which == kTokens || which == kOutput) return true;
  return which >= kEncoder && which < kTokensSinceFired && (which - kEncoder) % 2 == 0;
}

template <class T>
static void* room(Array<T>& array, size_t count) {
  return array.reserve(count > 0 ? count : 1) ? array.data() : nullptr;
}

static void* parametersRegion(Parameters& p, uint32_t which) {
  switch (which) {
    case 0: return p.encoder.data();
    case 1: return p.encoderBias.data();
    case 2: return p.decoder.data();
    default: return p.decoderBias.data();
  }
}

// Start of a region with room for `count` numbers where its size depends on the batch; null when there is no memory.
static void* region(Dictionary& d, uint32_t which, size_t count) {
  if (which >= kEncoder && which < kTokensSinceFired) {
    Parameters* groups[] = {&d.parameters, &d.first, &d.second, &d.gradient};
    return parametersRegion(*groups[(which - kEncoder) / 4], (which - kEncoder) % 4);
  }
  switch (which) {
    case kSettings: return &d.settings;
    case kResults: return &d.results;
    case kTokensSinceFired: return d.tokensSinceFired.data();
    case kTokens: return room(d.tokens, count);
    case kReconstructionLoss: return d.reconstructionLoss.data();
    case kSparsityLoss: return d.sparsityLoss.data();
    case kReconstructionWeight: return room(d.reconstructionWeight, count);
    case kSparsityWeight: return room(d.sparsityWeight, count);
    case kRowOffsets: return room(d.rowOffsets, count);
    case kRowFeatures: return room(d.rowFeatures, count);
    case kRowValues: return room(d.rowValues, count);
    case kOutput: return d.output.data();
    default: return nullptr;
  }
}

// Parameters or moments were written: the packed encoder is stale, and which features move is read from the moments.
static void written(Dictionary& d) {
  d.packed = false;
  if (d.moving.capacity() == 0) return;
  for (uint32_t j = 0; j < d.shape.dSae; j++) {
    bool moving = d.first.encoderBias[j] != 0 || d.second.encoderBias[j] != 0;
    for (size_t i = j * d.stride; i < (j + 1) * d.stride; i++)
      moving |= d.first.encoder[i] != 0 || d.first.decoder[i] != 0 || d.second.encoder[i] != 0 || d.second.decoder[i] != 0;
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
  }
}

}  // namespace ssae
