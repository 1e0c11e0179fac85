// Convolutions as one matrix product: pixels x taps and channels, by the same x outputs. The rows of
// the left matrix never stand in memory: each tile of them is read, or sampled, into shared memory.
//
// A block computes 128 pixels by BN outputs, 32 values of the sum at a time. While it multiplies one
// piece, its threads have the next one under way in registers.
#include "taps.cuh"
#include "tile.cuh"

// Eight neighbours of a row of the left matrix; the sum runs over taps, and channels of each.
template <typename T, typename Source>
__device__ inline Run<T> row_piece(const Source &source, const Conv &c, const Pixel &p, unsigned k) {
    unsigned sums = c.kernel_h * c.kernel_w * c.channels;
    if (!p.exists || k >= sums) return zeros<T>();
    if (c.channels % RUN == 0) return source.read(c, p, k / c.channels, k % c.channels);
    Run<T> run = zeros<T>();
#pragma unroll 1
    for (unsigned j = 0; j < RUN && k + j < sums; j++)
        set(run, j, source.one(c, p, (k + j) / c.channels, (k + j) % c.channels));
    return run;
}

// Eight neighbours of the weights of an output: `weight` is outputs x sums.
template <typename T>
__device__ inline Run<T> weight_piece(const T *weight, const Conv &c, unsigned output, unsigned k) {
    unsigned sums = c.kernel_h * c.kernel_w * c.channels;
    if (output >= c.outputs || k >= sums) return zeros<T>();
    const T *row = weight + (size_t)output * sums;
    if (sums % RUN == 0) return *(const Run<T> *)(row + k);
    Run<T> run = zeros<T>();
#pragma unroll 1
    for (unsigned j = 0; j < RUN && k + j < sums; j++) set(run, j, row[k + j]);
    return run;
}

template <typename T> __device__ inline void put(T *to, const Run<T> &run) { *(Run<T> *)to = run; }
// Rows of an odd length: nothing is aligned.
template <> __device__ inline void put<float>(float *to, const Run<float> &run) {
    for (int i = 0; i < RUN; i++) to[i] = run.values[i];
}

template <typename T, int BN, typename Source>
__device__ void product(const Source &source, const T *weight, T *y, const Conv &c, const Epilogue<T> &e) {
    using Tile = Tile<T, BN>;
    alignas(32) SHARED T a[BM * Tile::STRIDE];
    alignas(32) SHARED T b[BN * Tile::STRIDE];
    const int RUNS_A = BM * BK / RUN / THREADS, RUNS_B = BN * BK / RUN / THREADS, RUNS = BK / RUN;
    size_t first = (size_t)blockIdx.x * BM;
    unsigned output = blockIdx.y * BN, sums = c.kernel_h * c.kernel_w * c.channels;

    // A thread brings runs of one row: 2 of the left matrix, 1 or 2 of the weights.
    int row_a = threadIdx.x * RUNS_A / RUNS, run_a = threadIdx.x * RUNS_A % RUNS;
    int row_b = threadIdx.x * RUNS_B / RUNS, run_b = threadIdx.x * RUNS_B % RUNS;
    Pixel pixel = pixel_of(c, first + row_a);
    Run<T> next_a[RUNS_A], next_b[RUNS_B];
    auto fetch = [&](unsigned k) {
#pragma unroll
        for (int i = 0; i < RUNS_A; i++) next_a[i] = row_piece<T>(source, c, pixel, k + (run_a + i) * RUN);
#pragma unroll
        for (int i = 0; i < RUNS_B; i++) next_b[i] = weight_piece(weight, c, output + row_b, k + (run_b + i) * RUN);
    };

    Tile tile;
    fetch(0);
    for (unsigned k = 0; k < sums; k += BK) {
#pragma unroll
        for (int i = 0; i < RUNS_A; i++) put(a + row_a * Tile::STRIDE + (run_a + i) * RUN, next_a[i]);
#pragma unroll
        for (int i = 0; i < RUNS_B; i++) put(b + row_b * Tile::STRIDE + (run_b + i) * RUN, next_b[i]);
        __syncthreads();
        if (k + BK < sums) fetch(k + BK);
        tile.multiply(a, b);
        __syncthreads();
    }

    size_t rows = (size_t)c.batch * c.out_h * c.out_w;
    tile.for_each(a, [&](int row, int column, float sum) {
        size_t at_row = first + row;
        unsigned channel = output + column;
        if (at_row < rows && channel < c.outputs) {
            size_t at = at_row * c.outputs + channel;
            narrow(finish(e, sum, at, channel), y[at]);
        }
    });
}

#define SIZES                                                                                     \
    unsigned batch, unsigned height, unsigned width, unsigned channels, unsigned out_h,           \
        unsigned out_w, unsigned outputs, unsigned kernel_h, unsigned kernel_w, unsigned stride,  \
        unsigned padding, unsigned dilation
#define CONV                                                                                      \
    Conv { batch, height, width, channels, out_h, out_w, outputs, kernel_h, kernel_w, stride,     \
           padding, dilation }
#define DEFINE_WIDTH(NAME, T, BN)                                                                 \
    extern "C" __global__ void conv2d_##BN##_##NAME(                                              \
        const T *x, const T *weight, const T *bias, const T *after, T *y, unsigned activation,    \
        SIZES) {                                                                                  \
        Epilogue<T> e = {bias, nullptr, after, (int)activation};                                  \
        product<T, BN>(Taps<T>{x}, weight, y, CONV, e);                                           \
    }                                                                                             \
    extern "C" __global__ void deform_conv2d_##BN##_##NAME(                                       \
        const T *x, const T *offset, const T *mask, const T *weight, const T *bias, T *y,         \
        unsigned offset_stride, unsigned mask_stride, unsigned mask_activation,                   \
        unsigned activation, SIZES) {                                                             \
        Deformed<T> source = {x, offset, mask, offset_stride, mask_stride, (int)mask_activation}; \
        product<T, BN>(source, weight, y, CONV, Epilogue<T>{bias, nullptr, nullptr, (int)activation}); \
    }
#define DEFINE(NAME, T) DEFINE_WIDTH(NAME, T, 64) DEFINE_WIDTH(NAME, T, 128)
FOR_EACH_TYPE(DEFINE)
#undef DEFINE
