// The WebAssembly build: one memory a dictionary, shared by the threads that work on it. No libc.
#include "calls.h"

using namespace ssae;

#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" void* memset(void* to, int value, size_t bytes) { return __builtin_memset(to, value, bytes); }
extern "C" void* memcpy(void* to, const void* from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }

void* operator new(size_t, void* place) noexcept { return place; }

extern "C" uint8_t __heap_base;

namespace {

constexpr size_t kPage = 65536;
constexpr uint32_t kStackBytes = 1 << 17;
constexpr int kClasses = 4 * 32;

struct FreeBlock {
  FreeBlock* next;
};

// Blocks are handed out upwards; released ones wait in the list of their size class, four classes to an octave.
FreeBlock* freeBlocks[kClasses];
uint8_t* top;

struct SizeClass {
  int index;
  size_t bytes;
};

SizeClass classOf(size_t bytes) {
  const size_t wanted = bytes < 256 ? 256 : bytes;
  const int octave = 31 - __builtin_clz(static_cast<unsigned>(wanted));
  const size_t quarter = static_cast<size_t>(1) << (octave - 2);
  const size_t quarters = (wanted + quarter - 1) / quarter;
  return {4 * octave + static_cast<int>(quarters) - 4, quarters * quarter};
}

Dictionary* dictionary;

// Makes the memory at least `bytes` longer than `start`.
bool growTo(size_t start, size_t bytes) {
  const size_t end = start + bytes;
  if (end < start) return false;
  const size_t pages = (end + kPage - 1) / kPage, present = __builtin_wasm_memory_size(0);
  return pages <= present || __builtin_wasm_memory_grow(0, pages - present) != static_cast<size_t>(-1);
}

}  // namespace

namespace ssae {

void* allocate(size_t bytes) {
  if (bytes >= 0xE0000000u) return nullptr;
  const SizeClass size = classOf(bytes);
  if (FreeBlock* block = freeBlocks[size.index]) {
    freeBlocks[size.index] = block->next;
    return block;
  }
  const size_t start = reinterpret_cast<size_t>(top);
  if (!growTo(start, size.bytes)) return nullptr;
  top += size.bytes;
  return reinterpret_cast<void*>(start);
}

void release(void* block, size_t bytes) {
  if (block == nullptr) return;
  FreeBlock* released = static_cast<FreeBlock*>(block);
  const int index = classOf(bytes).index;
  released->next = freeBlocks[index];
  freeBlocks[index] = released;
}

void waitWhileEqual(uint32_t* word, uint32_t value) {
  __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(word), static_cast<int>(value), -1);
}

void wakeAll(uint32_t* word) { __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(word), 0xffffffff); }

}  // namespace ssae

// Lowest address of the stack of a thread and how long a stack is. Thread 0 is the one that calls `create`.
EXPORT uint32_t stackTop(uint32_t thread) {
  return static_cast<uint32_t>(roundUp(reinterpret_cast<size_t>(&__heap_base), 64)) + (thread + 1) * kStackBytes;
}

// Makes this memory's one dictionary, for up to `threads` threads, in place of the one that was there. 0: no memory.
EXPORT uint32_t create(uint32_t threads, uint32_t dIn, uint32_t dOut, uint32_t dSae, uint32_t kind, uint32_t k,
                       uint32_t flags) {
  for (FreeBlock*& block : freeBlocks) block = nullptr;
  top = reinterpret_cast<uint8_t*>(static_cast<size_t>(stackTop(threads)));
  void* place = allocate(sizeof(Dictionary));
  if (place == nullptr) return 0;
  dictionary = new (place) Dictionary();
  return prepare(*dictionary, dIn, dOut, dSae, kind, k, flags);
}

EXPORT void* regionStart(uint32_t which, uint32_t count) { return region(*dictionary, which, count); }
EXPORT void parametersWritten() { written(*dictionary); }
// Leaves room for what a call allocates. A memory that grows while threads are in a call is longer than they know: V8 checks
// accesses against the length that it read when the call began.
EXPORT void reserve(uint32_t bytes) { growTo(reinterpret_cast<size_t>(top), bytes); }

EXPORT void beginCall(uint32_t threads) { dictionary->team.begin(threads); }
EXPORT void runCall(uint32_t call, uint32_t thread) { run(*dictionary, call, thread); }
