// The k largest positive values of one token, taken while its pre-activations arrive in slices of ascending features.
//
// Values at or below `least` never count; it is 0 where relu makes them zero. Without a limit k is d_sae. Equal values: the lower
// feature wins.
#pragma once
#include "vector.h"

namespace ssae {

// Hoare's selection: the k-th largest of `count` values, which it reorders.
static inline float kthLargest(float* values, size_t count, size_t k) {
  long low = 0, high = static_cast<long>(count) - 1;
  const long wanted = static_cast<long>(k) - 1;
  while (low < high) {
    const float pivot = values[(low + high) / 2];
    long i = low, j = high;
    while (i <= j) {
      while (values[i] > pivot) i++;
      while (values[j] < pivot) j--;
      if (i > j) break;
      const float swapped = values[i];
      values[i++] = values[j];
      values[j--] = swapped;
    }
    if (wanted <= j)
      high = j;
    else if (wanted >= i)
      low = i;
    else
      break;
  }
  return values[wanted];
}

class Selection {
 public:
  // Room that a selection of k out of `features` needs, in entries.
  static size_t capacity(size_t k, size_t features) {
    const size_t few = 4 * k + 2 * kSlice;
    return (few < features ? few : features) + kSlice;
  }

  void begin(uint32_t k, float least, size_t capacity, float* values, uint32_t* features, float* spare) {
    k_ = k;
    capacity_ = capacity;
    values_ = values;
    features_ = features;
    spare_ = spare;
    count_ = 0;
    threshold_ = least;
  }

  // Values of features first, first + 1, …; `count` is a multiple of kLanes · 2.
  void offer(const float* values, uint32_t first, int count) {
    for (int start = 0; start < count; start += kTileColumns) {
      const Vector left = load(values + start), right = load(values + start + kLanes);
      const Vector larger = left > right ? left : right;
      if (!anyGreater(larger, broadcast(threshold_))) continue;
      if (count_ + kTileColumns > capacity_) keepLargest();
      for (int lane = 0; lane < kTileColumns; lane++) {
        const float value = values[start + lane];
        values_[count_] = value;
        features_[count_] = first + start + lane;
        count_ += value > threshold_;
      }
    }
  }

  // As `offer`, without a limit of k: each feature's value must be above its own limit.
  void offerAbove(const float* values, const float* limits, uint32_t first, int count) {
    for (int start = 0; start < count; start += kLanes) {
      if (!anyGreater(load(values + start), load(limits + start))) continue;
      for (int lane = 0; lane < kLanes; lane++) {
        const float value = values[start + lane];
        values_[count_] = value;
        features_[count_] = first + start + lane;
        count_ += value > limits[start + lane];
      }
    }
  }

  // Takes the first `count` entries that were put into its arrays, features ascending and values above `least`.
  void take(size_t count) { count_ = count; }

  // Ends the selection: at most k entries stay, features ascend. Returns how many.
  uint32_t finish() {
    if (count_ > k_) keepLargest();
    return static_cast<uint32_t>(count_);
  }

  const float* values() const { return values_; }
  const uint32_t* features() const { return features_; }

 private:
  static constexpr size_t kSlice = 64;

  void keepLargest() {
    if (count_ <= k_) return;
    __builtin_memcpy(spare_, values_, count_ * sizeof(float));
    const float least = kthLargest(spare_, count_, k_);
    size_t ties = k_;
    for (size_t i = 0; i < count_; i++) ties -= values_[i] > least;
    size_t kept = 0;
    for (size_t i = 0; i < count_; i++) {
      const bool tie = values_[i] == least && ties > 0;
      ties -= tie;
      if (!tie && !(values_[i] > least)) continue;
      values_[kept] = values_[i];
      features_[kept++] = features_[i];
    }
    count_ = kept;
    threshold_ = least;
  }

  float* values_;
  uint32_t* features_;
  float* spare_;
  size_t count_, capacity_;
  uint32_t k_;
  float threshold_;
};

}  // namespace ssae
