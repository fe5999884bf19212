// The machine's float32 peak: fused multiply-adds on registers only.
//
//     peak THREADS
//
// Answers every line "step" on standard input with a line of JSON: wall and processor milliseconds of kFlops floating-point
// operations a thread.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));

// Enough that none waits for the one before it: latency × units of today's processors is at most 10.
constexpr int kSums = 12;
// As in bench/peak.ts.
constexpr double kFlops = 1e10;

static void multiplyAdd(float* result) {
  Vector sums[kSums];
  // Alike, one would do for all; 2 stays what it is.
  for (int i = 0; i < kSums; i++) sums[i] = Vector{} + static_cast<float>(i + 3);
  const Vector factor = Vector{} + 0.5f, addend = Vector{} + 1.0f;
  const long rounds = static_cast<long>(kFlops / (2.0 * kSums * (VECTOR_BYTES / 4)));
  for (long round = 0; round < rounds; round++)
#pragma GCC unroll 12
    for (int i = 0; i < kSums; i++) sums[i] = sums[i] * factor + addend;
  for (int i = 0; i < kSums; i++) *result += sums[i][0];
}

int main(int count, char** given) {
  const int threads = count > 1 ? std::atoi(given[1]) : 1;
  char line[16];
  while (std::fgets(line, sizeof(line), stdin) != nullptr && std::strcmp(line, "step\n") == 0) {
    std::vector<float> results(threads);
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t processor = std::clock();
    std::vector<std::thread> working;
    for (float& result : results) working.emplace_back(multiplyAdd, &result);
    for (std::thread& thread : working) thread.join();
    const double cpu = 1e3 * static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
    const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
    std::printf("{\"milliseconds\": %f, \"cpuMilliseconds\": %f, \"l0\": null}\n", wall.count(), cpu);
    std::fflush(stdout);
  }
}
