// The k largest positive values of one token, taken while its pre-activations arrive in slices of ascending features.
//
// Values ≤ 0 never count: relu makes them zero. ReLU dictionaries are k = d_sae. Equal values: the lower feature wins.
#pragma once
#include "vector.h"

namespace ssae {

class Selection {
 public:
  // Room that a selection of k out of `features` needs, in entries.
  static size_t capacity(size_t k, size_t features) {
    const size_t few = 4 * k + 2 * kSlice;
    return (few < features ? few : features) + kSlice;
  }

  void begin(uint32_t k, size_t capacity, float* values, uint32_t* features, float* spare) {
    k_ = k;
    capacity_ = capacity;
    values_ = values;
    features_ = features;
    spare_ = spare;
    count_ = 0;
    threshold_ = 0;
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

  // Ends the selection: at most k entries stay, features ascend. Returns how many.
  uint32_t finish() {
    if (count_ > k_) keepLargest();
    return static_cast<uint32_t>(count_);
  }

  const float* values() const { return values_; }
  const uint32_t* features() const { return features_; }

 private:
  static constexpr size_t kSlice = 64;

  // Hoare's selection: the k-th largest of the values, on a copy.
  float kthLargest() const {
    __builtin_memcpy(spare_, values_, count_ * sizeof(float));
    long low = 0, high = static_cast<long>(count_) - 1;
    const long wanted = static_cast<long>(k_) - 1;
    while (low < high) {
      const float pivot = spare_[(low + high) / 2];
      long i = low, j = high;
      while (i <= j) {
        while (spare_[i] > pivot) i++;
        while (spare_[j] < pivot) j--;
        if (i > j) break;
        const float swapped = spare_[i];
        spare_[i++] = spare_[j];
        spare_[j--] = swapped;
      }
      if (wanted <= j)
        high = j;
      else if (wanted >= i)
        low = i;
      else
        break;
    }
    return spare_[wanted];
  }

  void keepLargest() {
    if (count_ <= k_) return;
    const float least = kthLargest();
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
