// As much of CUDA as our kernels use, on a CPU and one thread: to test them where there is no card.
//
// The threads of a block are contexts of their own (ucontext) that give way to each other at barriers.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __device__
#define __global__
#define SHARED static

struct Index {
    unsigned x, y, z;
};
extern Index threadIdx, blockIdx, blockDim;

using std::max;
using std::min;

// Wait for all threads of the block, or of the warp.
void __syncthreads();
void __syncwarp();
float __shfl_xor_sync(unsigned mask, float value, int lane);
float __shfl_sync(unsigned mask, float value, int lane);
unsigned __ballot_sync(unsigned mask, bool yes);

// Nobody comes between: the threads of a block take turns.
inline unsigned atomicMin(unsigned *at, unsigned value) {
    unsigned before = *at;
    *at = std::min(before, value);
    return before;
}
inline int __clz(unsigned x) { return x ? __builtin_clz(x) : 32; }

inline float __fmul_rn(float a, float b) { return a * b; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }

struct __half {
    uint16_t bits;
};
inline float __half2float(__half x) { return _cvtsh_ss(x.bits); }
inline __half __float2half_rn(float x) { return {_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT)}; }

struct __nv_bfloat16 {
    uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 x) {
    uint32_t bits = (uint32_t)x.bits << 16;
    float y;
    memcpy(&y, &bits, 4);
    return y;
}
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (x != x) return {0x7fff};
    return {(uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// The first thread of a warp holds the whole matrix: what is in it is seen by `store_matrix_sync` alone.
namespace nvcuda {
namespace wmma {
struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major };

template <typename Use, int M, int N, int K, typename T, typename Layout = void> struct fragment {
    float values[16][16];
};

inline float wide_of(__half x) { return __half2float(x); }
inline float wide_of(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename F> void fill_fragment(F &f, float value) {
    if (threadIdx.x % 32) return;
    for (auto &row : f.values)
        for (float &x : row) x = value;
}
template <typename Use, int M, int N, int K, typename T>
void load_matrix_sync(fragment<Use, M, N, K, T, row_major> &f, const T *from, unsigned stride) {
    if (threadIdx.x % 32) return;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) f.values[i][j] = wide_of(from[i * stride + j]);
}
template <typename Use, int M, int N, int K, typename T>
void load_matrix_sync(fragment<Use, M, N, K, T, col_major> &f, const T *from, unsigned stride) {
    if (threadIdx.x % 32) return;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) f.values[i][j] = wide_of(from[j * stride + i]);
}
template <typename C, typename A, typename B> void mma_sync(C &d, const A &a, const B &b, const C &c) {
    if (threadIdx.x % 32) return;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            float sum = c.values[i][j];
            for (int k = 0; k < 16; k++) sum += a.values[i][k] * b.values[k][j];
            d.values[i][j] = sum;
        }
}
template <typename F> void store_matrix_sync(float *to, const F &f, unsigned stride, layout_t) {
    if (threadIdx.x % 32) return;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) to[i * stride + j] = f.values[i][j];
}
} // namespace wmma
} // namespace nvcuda
