// What all kernels share: types, activations, and how a kernel gets its names.
//
// Values are f32, f16 or bf16 in memory and f32 in registers. Images are channels-last.
#pragma once

#ifdef PORTRAIT_ON_HOST
#include "host/cuda.h" // the same kernels on a CPU, for tests
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>
#define SHARED __shared__
#endif

#if defined(PORTRAIT_ON_HOST) || __CUDA_ARCH__ >= 800
#define HAS_BF16 1
#endif

__device__ inline size_t index_of_thread() {
    return blockIdx.x * (size_t)blockDim.x + threadIdx.x;
}

__device__ inline float wide(float x) { return x; }
__device__ inline float wide(__half x) { return __half2float(x); }
__device__ inline void narrow(float x, float &y) { y = x; }
__device__ inline void narrow(float x, __half &y) { y = __float2half_rn(x); }
#ifdef HAS_BF16
__device__ inline float wide(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void narrow(float x, __nv_bfloat16 &y) { y = __float2bfloat16_rn(x); }
#endif

// The numbers of src/cuda.rs.
enum Activation { NONE, RELU, SILU, GELU, SIGMOID, DOUBLE_SIGMOID };

__device__ inline float activate(int activation, float x) {
    switch (activation) {
    case RELU: return fmaxf(x, 0.0f);
    case SILU: return x / (1.0f + expf(-x));
    case GELU: return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case SIGMOID: return 1.0f / (1.0f + expf(-x));
    case DOUBLE_SIGMOID: return 2.0f / (1.0f + expf(-x));
    default: return x;
    }
}

// `bias`, `before` (added before the activation) and `after` (added behind it) may be null.
template <typename T> struct Epilogue {
    const T *bias;
    const T *before;
    const T *after;
    int activation;
};

template <typename T>
__device__ inline float finish(const Epilogue<T> &e, float sum, size_t at, unsigned channel) {
    if (e.bias) sum += wide(e.bias[channel]);
    if (e.before) sum += wide(e.before[at]);
    sum = activate(e.activation, sum);
    if (e.after) sum += wide(e.after[at]);
    return sum;
}

__device__ inline float sum_of_warp(float x) {
    for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffff, x, lane);
    return x;
}

// The nearest of 256 levels.
__device__ inline unsigned char level(float x) {
    return (unsigned char)fminf(fmaxf(roundf(x * 255.0f), 0.0f), 255.0f);
}

// DEFINE(NAME) is expanded for each type: NAME(suffix, type).
#ifdef HAS_BF16
#define FOR_EACH_TYPE(DEFINE) DEFINE(f32, float) DEFINE(f16, __half) DEFINE(bf16, __nv_bfloat16)
#else
#define FOR_EACH_TYPE(DEFINE) DEFINE(f32, float) DEFINE(f16, __half)
#endif
