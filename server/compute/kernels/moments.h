// Adam's moments of matrices, in float32 or in bfloat16.
//
// β₂ = 0.999 changes a second moment by up to a thousandth a step, and neighbours in bfloat16 are 1/256 to 1/128 apart: rounded to
// nearest it would stay where it is. So it is rounded to one of its neighbours with the chances that make the expectation exact
// (stochastic rounding, 1502.02551), by a hash of Adam's step and the element's place: no state beside the step, and the same bits
// on any number of threads. The update itself takes the moments before they are rounded.
#pragma once
#include "memory.h"
#include "rows.h"

namespace ssae {

typedef uint32_t WordVector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t HalfVector __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));

// A bijection of 32-bit words that spreads every bit (Wellons, "lowbias32").
template <class Word>
static inline Word scrambled(Word word) {
  word ^= word >> 16;
  word *= 0x7feb352du;
  word ^= word >> 15;
  word *= 0x846ca68bu;
  return word ^ (word >> 16);
}

enum MomentPlace : uint32_t { kOfEncoder, kOfDecoder, kOfSkip, kPlaces };

// What the roundings of one row in one step are drawn from.
static inline uint32_t rowNoise(uint32_t step, MomentPlace place, uint32_t row) {
  return scrambled(scrambled(step * kPlaces + place) + row);
}

// A row of both moments as float32.
struct WideMoments {
  float *first, *second;

  Vector firstAt(int i) const { return load(first + i); }
  Vector secondAt(int i) const { return load(second + i); }
  IntVector put(int i, Vector m, Vector v) const {
    store(first + i, m);
    store(second + i, v);
    return (IntVector)m | (IntVector)v;
  }
};

// A row of both moments as bfloat16.
struct NarrowMoments {
  uint16_t *first, *second;
  uint32_t noise;

  Vector firstAt(int i) const { return widened(first + i); }
  Vector secondAt(int i) const { return widened(second + i); }
  IntVector put(int i, Vector m, Vector v) const {
    WordVector place;
    for (int lane = 0; lane < kLanes; lane++) place[lane] = static_cast<uint32_t>(lane);
    const WordVector bits = scrambled(place + (noise + static_cast<uint32_t>(i)));
    return rounded(first + i, m, bits & 0xffff) | rounded(second + i, v, bits >> 16);
  }

 private:
  static Vector widened(const uint16_t* from) {
    return (Vector)(__builtin_convertvector(*reinterpret_cast<const HalfVector*>(from), WordVector) << 16);
  }
  // Between two neighbours the words of float32 are evenly spaced: of 2^16 values of `chance`, as many carry as the value is words
  // above the lower one.
  static IntVector rounded(uint16_t* to, Vector value, WordVector chance) {
    const WordVector half = ((WordVector)value + chance) >> 16;
    *reinterpret_cast<HalfVector*>(to) = __builtin_convertvector(half, HalfVector);
    return (IntVector)(half << 16);
  }
};

// One moment of a matrix.
class MomentMatrix {
 public:
  bool reserve(size_t count, bool narrow) { return narrow ? narrow_.reserve(count) : wide_.reserve(count); }
  bool isNarrow() const { return narrow_.capacity() > 0; }
  void* data() const { return isNarrow() ? static_cast<void*>(narrow_.data()) : wide_.data(); }
  float* wide(size_t at) const { return &wide_[at]; }
  uint16_t* narrow(size_t at) const { return &narrow_[at]; }
  bool moves(size_t first, size_t count) const {
    bool moving = false;
    for (size_t i = first; i < first + count; i++) moving |= isNarrow() ? (narrow_[i] & 0x7fff) != 0 : wide_[i] != 0;
    return moving;
  }

 private:
  Array<float> wide_;
  Array<uint16_t> narrow_;
};

// Adam on row `row` of a matrix, whose moments begin at `at`. Returns whether any of them is still non-zero.
static inline bool stepRow(const Adam& adam, MomentPlace place, uint32_t row, float* parameters, const MomentMatrix& first,
                           const MomentMatrix& second, size_t at, const float* gradient, float scale, int length) {
  if (!first.isNarrow())
    return adam.step(parameters, WideMoments{first.wide(at), second.wide(at)}, gradient, scale, length);
  const NarrowMoments moments = {first.narrow(at), second.narrow(at), rowNoise(adam.number, place, row)};
  return adam.step(parameters, moments, gradient, scale, length);
}

}  // namespace ssae
