// Which features of a token may be selected, from bfloat16 products p̃ and a bound e on their distance from float32's p.
//
// x̃ and w̃ are x and w rounded to bfloat16, n = d_in + 8, γ(u) = n u / (1 − n u) (Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., lemma 3.1 and section 3.1). By Cauchy and Schwarz
//   |x·w − x̃·w̃| = |(x − x̃)·w + x̃·(w − w̃)| ≤ ‖x − x̃‖ ‖w‖ + ‖x̃‖ ‖w − w̃‖.
// A sum of d_in products and b in any order is within γ(u) (‖x‖‖w‖ + |b|) of the exact one: u = 2⁻²⁴ for float32's fused
// multiply-adds; for vdpbf16ps, whose products are exact, u' = 2⁻²² stands for any order, rounding or truncation inside the
// instruction (Intel documents two fused steps, rounded to nearest). The terms beyond d_in + 1 in n pay for rounding p̃ ± e itself.
// Hence |p − p̃| ≤ e with
//   e = (‖x − x̃‖ + γ(u')‖x̃‖ + γ(u)‖x‖) ‖w‖ + (1 + γ(u')) ‖x̃‖ ‖w − w̃‖ + (γ(u) + γ(u')) |b|.
// Norms are measured in float32 and rounded up. Subnormal numbers, which both sums may take for zero, move each of the at most 4 n
// results and factors by 2⁻¹²⁶; every norm is increased by 4 √n 2⁻⁶³, whose products with each other and with the norms exceed that.
// Norms above 10¹⁸ and what is not finite have no bound: such a feature is always a candidate, such a token makes its block take the
// float32 GEMM.
#pragma once
#include "bfloat16.h"

namespace ssae {

#if defined(__AVX512BF16__)

class RoundingBound {
 public:
  // Deeper sums have no useful bound.
  static constexpr int kMostTerms = 65536;

  explicit RoundingBound(int depth)
      : exact_(gamma(depth + 8, 0x1p-24)), rounded_(gamma(depth + 8, 0x1p-22)), slack_(4 * __builtin_sqrt(depth + 8.0) * 0x1p-63) {}

  // From partial sums of squares to at least the root of the sum; infinite where that is above 10¹⁸ or no number.
  float norm(__m512 squares) const {
    alignas(64) float parts[16];
    _mm512_store_ps(parts, squares);
    double total = 0;
    for (float part : parts) total += part;
    return bounded((__builtin_sqrt(total * (1 + 2 * exact_)) + slack_) * kUp);
  }

  // e = token.norm · norms[j] + token.error · errors[j] + offsets[j].
  struct Token {
    float norm, error;
    bool isBounded() const { return norm <= kMost && error <= kMost; }
    // At least every e where `largest` has at least each of the feature's three.
    float most(const float* largest) const { return __builtin_fmaf(norm, largest[0], __builtin_fmaf(error, largest[1], largest[2])); }
  };
  Token ofToken(const RowSquares& squares) const {
    const double error = norm(squares.errors), exact = norm(squares.values), rounded = exact + error;
    return {bounded((error + rounded_ * rounded + exact_ * exact) * kUp), bounded((1 + rounded_) * rounded * kUp)};
  }
  // Of column `at` of the panels, whose bias is there.
  void setFeature(const RoundedPanels& panels, size_t at, const RowSquares& squares) const {
    const float values = norm(squares.values), errors = norm(squares.errors);
    const float offset = bounded((exact_ + rounded_) * __builtin_fabs(panels.bias[at]) * kUp);
    const bool isBounded = values <= kMost && errors <= kMost && offset <= kMost;
    panels.norms[at] = isBounded ? values : 0;
    panels.errors[at] = isBounded ? errors : 0;
    panels.offsets[at] = isBounded ? offset : __builtin_inff();
  }

 private:
  static constexpr double kUp = 1 + 0x1p-20;
  static constexpr double kMost = 1e18;

  static double gamma(double terms, double unit) { return terms * unit / (1 - terms * unit); }
  static float bounded(double value) { return value <= kMost ? static_cast<float>(value) : __builtin_inff(); }

  double exact_, rounded_, slack_;
};

// The features of one token whose p̃ + e reaches what is certain to be selected, features ascending.
class Candidates {
 public:
  // Room after the capacity: vectors are stored whole.
  static constexpr size_t kSlack = kLanes;
  // What pruning must leave free, or it would come too often.
  static constexpr size_t kLeastRoom = 2 * kTileColumns;

  // The k largest above `least`. `lower` and `upper` hold p̃ ∓ e.
  void begin(uint32_t k, float least, size_t capacity, RoundingBound::Token token, uint32_t* features, float* lower, float* upper) {
    k_ = k;
    threshold_ = least;
    capacity_ = capacity;
    full_ = 3 * static_cast<size_t>(k) + 128;
    token_ = token;
    features_ = features;
    lower_ = lower;
    upper_ = upper;
    count_ = 0;
  }

  // p̃ of `count` features from `first` on, whole panels of one slice, none of whose bounds exceeds `most`. False: there are too many
  // candidates.
  bool offer(const float* values, const RoundedPanels& panels, float most, uint32_t first, int count) {
    for (int start = 0; start < count; start += kTileColumns) {
      const __m512 larger = _mm512_max_ps(_mm512_loadu_ps(values + start), _mm512_loadu_ps(values + start + kLanes));
      if (reaches(larger + _mm512_set1_ps(most), _mm512_set1_ps(threshold_)) == 0) continue;
      if (count_ + kTileColumns > (full_ < capacity_ ? full_ : capacity_)) {
        prune();
        if (count_ + kLeastRoom > capacity_) return false;
        if (full_ < 2 * count_) full_ = 2 * count_;
      }
      for (int at = start; at < start + kTileColumns; at += kLanes) {
        const __m512 value = _mm512_loadu_ps(values + at), bound = boundOf(panels, first + at), upper = value + bound;
        // The second operand is taken where the first is no number.
        const __m512 lower = _mm512_max_ps(value - bound, _mm512_set1_ps(-__builtin_inff()));
        put(reaches(upper, _mm512_set1_ps(threshold_)), featuresFrom(first + at), lower, upper);
      }
    }
    return true;
  }

  // Those above their own limit, or all above `least` where there are no limits.
  bool offerAbove(const float* values, const RoundedPanels& panels, float most, const float* limits, uint32_t first, int count) {
    for (int start = 0; start < count; start += kLanes) {
      const __m512 value = _mm512_loadu_ps(values + start);
      const __m512 limit = limits == nullptr ? _mm512_set1_ps(threshold_) : _mm512_loadu_ps(limits + first + start);
      if (reaches(value + _mm512_set1_ps(most), limit) == 0) continue;
      if (count_ + kLanes > capacity_) return false;
      const __mmask16 may = reaches(value + boundOf(panels, first + start), limit);
      _mm512_storeu_si512(features_ + count_, _mm512_maskz_compress_epi32(may, featuresFrom(first + start)));
      count_ += __builtin_popcount(may);
    }
    return true;
  }

  // Takes out whose p̃ + e is below k others' p̃ − e, or nearly.
  void prune() {
    raiseThreshold();
    const size_t before = count_;
    count_ = 0;
    for (size_t at = 0; at < before; at += kLanes) {
      const __mmask16 there = before - at < kLanes ? (1u << (before - at)) - 1 : 0xffff;
      const __m512 upper = _mm512_loadu_ps(upper_ + at), lower = _mm512_loadu_ps(lower_ + at);
      const __mmask16 may = reaches(upper, _mm512_set1_ps(threshold_)) & there;
      put(may, _mm512_loadu_si512(features_ + at), lower, upper);
    }
  }

  size_t count() const { return count_; }
  const RoundingBound::Token& token() const { return token_; }

 private:
  static __m512i featuresFrom(uint32_t first) {
    return _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  }
  // Also where there is no number.
  static __mmask16 reaches(__m512 upper, __m512 limit) { return _mm512_cmp_ps_mask(upper, limit, _CMP_NLT_UQ); }

  __m512 boundOf(const RoundedPanels& panels, size_t at) const {
    const __m512 ofErrors = _mm512_fmadd_ps(_mm512_set1_ps(token_.error), _mm512_loadu_ps(&panels.errors[at]),
                                            _mm512_loadu_ps(&panels.offsets[at]));
    return _mm512_fmadd_ps(_mm512_set1_ps(token_.norm), _mm512_loadu_ps(&panels.norms[at]), ofErrors);
  }

  void put(__mmask16 may, __m512i features, __m512 lower, __m512 upper) {
    _mm512_storeu_si512(features_ + count_, _mm512_maskz_compress_epi32(may, features));
    _mm512_storeu_ps(lower_ + count_, _mm512_maskz_compress_ps(may, lower));
    _mm512_storeu_ps(upper_ + count_, _mm512_maskz_compress_ps(may, upper));
    count_ += __builtin_popcount(may);
  }

  size_t countFrom(float least) const {
    size_t count = 0;
    for (size_t at = 0; at < count_; at += kLanes)
      count += __builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(lower_ + at), _mm512_set1_ps(least), _CMP_GE_OQ));
    return count;
  }

  // Towards the k-th largest p̃ − e, by halving: any threshold that k of them reach is right.
  void raiseThreshold() {
    _mm512_storeu_ps(lower_ + count_, _mm512_set1_ps(-__builtin_inff()));
    if (countFrom(threshold_) < k_) return;
    __m512 largest = _mm512_set1_ps(threshold_);
    for (size_t at = 0; at < count_; at += kLanes) largest = _mm512_max_ps(largest, _mm512_loadu_ps(lower_ + at));
    float high = _mm512_reduce_max_ps(largest);
    for (int step = 0; step < kHalvings; step++) {
      const float middle = threshold_ + (high - threshold_) / 2;
      (countFrom(middle) >= k_ ? threshold_ : high) = middle;
    }
  }

  static constexpr int kHalvings = 8;

  uint32_t* features_;
  float *lower_, *upper_;
  size_t count_, capacity_, full_;  // pruned when it is full
  RoundingBound::Token token_;
  uint32_t k_;
  float threshold_;
};

// What one thread screens a block in.
struct ScreenWorkspace {
  Array<uint32_t> tokens;      // packed
  Array<float> upper, shifted;  // [kBlockTokens, capacity], one token
  Candidates candidates[kBlockTokens];
};

// The encoder as bfloat16, and which blocks of tokens had too many candidates.
struct Screen {
  RoundedPanels panels;
  bool packed = false;     // of the current parameters
  bool used = false;       // in this forward pass
  Array<uint8_t> refused;  // [blocks]
  uint32_t refusals = 0;   // their number
  uint32_t rest = 0, resting = 0;  // forward passes without it after the latest with it; how many are left
};

#else
struct ScreenWorkspace {};
struct Screen {
  static constexpr bool used = false;
  static constexpr uint32_t refusals = 0;
};
#endif

}  // namespace ssae
