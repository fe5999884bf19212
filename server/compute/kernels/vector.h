// Vectors of the widest kind the target has, as GCC/clang vector extensions, and the GEMM tile that fits its registers.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_BYTES 64
#if defined(__AVX512BF16__)
#define INSTRUCTIONS "AVX-512 BF16"
#else
#define INSTRUCTIONS "AVX-512"
#endif
#elif defined(__AVX__)
#include <immintrin.h>
#define VECTOR_BYTES 32
#define INSTRUCTIONS "AVX2"
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define VECTOR_BYTES 16
#define INSTRUCTIONS "WebAssembly SIMD"
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define VECTOR_BYTES 16
#define INSTRUCTIONS "NEON"
#else
#define VECTOR_BYTES 16
#define INSTRUCTIONS "128-bit SIMD"
#endif

namespace ssae {

typedef float Vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef int32_t IntVector __attribute__((vector_size(VECTOR_BYTES), may_alias));

constexpr int kLanes = VECTOR_BYTES / 4;
// Rows of the GEMM tile (tokens) and its columns (features): two vectors wide, as tall as there are registers for.
constexpr int kTileColumns = 2 * kLanes;
#if defined(__AVX512F__)
constexpr int kTileRows = 12;
#elif defined(__AVX__)
constexpr int kTileRows = 6;
#elif defined(__ARM_NEON)
constexpr int kTileRows = 8;
#else
constexpr int kTileRows = 4;
#endif

// Every row in memory is padded with zeros to a multiple of this, on every target, so that no loop has a tail.
constexpr int kRowAlignment = 16;

static inline Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
static inline void store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }
// x − 0 is x for every x, so that compilers leave a plain broadcast (x + 0 is not: −0).
static inline Vector broadcast(float value) { return value - Vector{}; }

// addend + left · right. Relaxed SIMD rounds it once where the processor has that, and always or never on one machine.
static inline Vector multiplyAdd(Vector left, Vector right, Vector addend) {
#if defined(__wasm_relaxed_simd__)
  return (Vector)__builtin_wasm_relaxed_madd_f32x4(left, right, addend);
#else
  return addend + left * right;
#endif
}

static inline float sum(Vector value) {
  float total = 0;
  for (int lane = 0; lane < kLanes; lane++) total += value[lane];
  return total;
}

static inline Vector squareRoot(Vector value) {
#if defined(__AVX512F__)
  return (Vector)_mm512_sqrt_ps((__m512)value);
#elif defined(__AVX__)
  return (Vector)_mm256_sqrt_ps((__m256)value);
#elif defined(__wasm_simd128__)
  return (Vector)wasm_f32x4_sqrt((v128_t)value);
#else
  for (int lane = 0; lane < kLanes; lane++) value[lane] = __builtin_sqrtf(value[lane]);
  return value;
#endif
}

static inline bool anyGreater(Vector left, Vector right) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)left, (__m512)right, _CMP_GT_OQ) != 0;
#elif defined(__AVX__)
  return _mm256_movemask_ps(_mm256_cmp_ps((__m256)left, (__m256)right, _CMP_GT_OQ)) != 0;
#elif defined(__wasm_simd128__)
  return wasm_v128_any_true((v128_t)(left > right));
#else
  const IntVector greater = left > right;
  int32_t any = 0;
  for (int lane = 0; lane < kLanes; lane++) any |= greater[lane];
  return any != 0;
#endif
}

// Subnormal numbers become zero: moments that decay would otherwise reach them and slow every later step.
static inline Vector flushSubnormal(Vector value) {
  const IntVector magnitude = (IntVector)value & 0x7fffffff;
  return (Vector)((IntVector)value & (magnitude >= 0x00800000));
}

}  // namespace ssae
