// Memory that one dictionary owns. The two builds bring their own allocate/release; null means that there is no more.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace ssae {

void* allocate(size_t bytes);
void release(void* block, size_t bytes);

// A block of numbers, aligned to 64 bytes. Sizes only grow.
template <class T>
class Array {
 public:
  Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { release(data_, capacity_ * sizeof(T)); }

  // Room for `count` numbers. New room is zero; what was there before is kept. False when there is no memory.
  bool reserve(size_t count) {
    if (count <= capacity_) return true;
    T* grown = static_cast<T*>(allocate(count * sizeof(T)));
    if (grown == nullptr) return false;
    __builtin_memset(grown + capacity_, 0, (count - capacity_) * sizeof(T));
    if (capacity_ > 0) __builtin_memcpy(grown, data_, capacity_ * sizeof(T));
    release(data_, capacity_ * sizeof(T));
    data_ = grown;
    capacity_ = count;
    return true;
  }

  // Room for `count` numbers whose content does not matter: nothing is copied and no page is touched.
  bool reserveScratch(size_t count) {
    if (count <= capacity_) return true;
    release(data_, capacity_ * sizeof(T));
    data_ = static_cast<T*>(allocate(count * sizeof(T)));
    capacity_ = data_ == nullptr ? 0 : count;
    return data_ != nullptr;
  }

  T* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace ssae
