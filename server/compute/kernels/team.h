// The threads of one call. All of them run the same code; barriers part the phases.
#pragma once
#include <stdint.h>

namespace ssae {

// Sleeps until *word differs from `value` / wakes all sleepers on `word`. The two builds bring their own.
void waitWhileEqual(uint32_t* word, uint32_t value);
void wakeAll(uint32_t* word);

class Team {
 public:
  void begin(uint32_t threads) {
    threads_ = threads;
    arrived_ = 0;
    next_ = 0;
  }
  uint32_t threads() const { return threads_; }

  void barrier() {
    const uint32_t round = __atomic_load_n(&round_, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&arrived_, 1, __ATOMIC_ACQ_REL) == threads_) {
      __atomic_store_n(&arrived_, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&round_, round + 1, __ATOMIC_RELEASE);
      wakeAll(&round_);
      return;
    }
    while (__atomic_load_n(&round_, __ATOMIC_ACQUIRE) == round) waitWhileEqual(&round_, round);
  }

  // `work` on one thread, after all threads came here and before any goes on. Every `share` follows one `serial`.
  template <class Work>
  void serial(uint32_t thread, Work work) {
    barrier();
    if (thread == 0) {
      work();
      next_ = 0;
    }
    barrier();
  }

  // Items 0 to count - 1, each done once by whichever thread is free. Results must not depend on which.
  template <class Work>
  void share(uint32_t count, Work work) {
    for (;;) {
      const uint32_t item = __atomic_fetch_add(&next_, 1, __ATOMIC_RELAXED);
      if (item >= count) return;
      work(item);
    }
  }

 private:
  uint32_t threads_ = 1;
  uint32_t arrived_ = 0;
  uint32_t round_ = 0;
  uint32_t next_ = 0;
};

}  // namespace ssae
