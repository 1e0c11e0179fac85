// Convolutions as one matrix product: pixels x taps and channels, by the same x outputs. The rows of
// the left matrix never stand in memory: each tile of them is read, or sampled, into shared memory.
//
// A block computes 128 pixels by BN outputs, 32 values of the sum at a time. While it multiplies one
// piece, its threads have the next one under way in registers.
#include "common.cuh"

const int BM = 128, BK = 32, THREADS = 256;
// What a thread brings into shared memory of each matrix and piece: runs of 8 neighbours.
const int RUN = 8;

struct Conv {
    unsigned batch, height, width, channels;
    unsigned out_h, out_w, outputs;
    unsigned kernel_h, kernel_w, stride, padding, dilation;
};

// Where the outputs of a row are.
struct Pixel {
    bool exists;
    int y, x;        // of the first tap
    size_t image;    // first pixel of the image in the input
    size_t position; // in the output
};

__device__ inline Pixel pixel_of(const Conv &c, size_t row) {
    Pixel p;
    p.exists = row < (size_t)c.batch * c.out_h * c.out_w;
    p.position = row;
    int x = row % c.out_w, y = row / c.out_w % c.out_h;
    p.image = row / c.out_w / c.out_h * c.height * c.width;
    p.y = y * (int)c.stride - (int)c.padding;
    p.x = x * (int)c.stride - (int)c.padding;
    return p;
}

// Eight neighbours, as they lie in memory.
template <typename T> struct alignas(16) Run {
    T values[RUN];
};

template <typename T> __device__ inline Run<T> zeros() {
    Run<T> run;
#pragma unroll
    for (int i = 0; i < RUN; i++) narrow(0.0f, run.values[i]);
    return run;
}

// In registers, which no number can index.
template <typename T> __device__ inline void set(Run<T> &run, unsigned at, T value) {
#pragma unroll
    for (unsigned i = 0; i < RUN; i++)
        if (i == at) run.values[i] = value;
}

// The taps of a convolution.
template <typename T> struct Taps {
    const T *x;

    __device__ Run<T> read(const Conv &c, const Pixel &p, unsigned tap, unsigned channel) const {
        int y = p.y + (int)(tap / c.kernel_w * c.dilation), x_at = p.x + (int)(tap % c.kernel_w * c.dilation);
        if (y < 0 || x_at < 0 || y >= (int)c.height || x_at >= (int)c.width) return zeros<T>();
        return *(const Run<T> *)(x + (p.image + (size_t)y * c.width + x_at) * c.channels + channel);
    }

    __device__ T one(const Conv &c, const Pixel &p, unsigned tap, unsigned channel) const {
        int y = p.y + (int)(tap / c.kernel_w * c.dilation), x_at = p.x + (int)(tap % c.kernel_w * c.dilation);
        T zero;
        narrow(0.0f, zero);
        if (y < 0 || x_at < 0 || y >= (int)c.height || x_at >= (int)c.width) return zero;
        return x[(p.image + (size_t)y * c.width + x_at) * c.channels + channel];
    }
};

// Taps moved by offsets and scaled by a mask: torchvision's deform_conv2d. Offsets and mask have their
// own distances from pixel to pixel.
template <typename T> struct Deformed {
    const T *x;
    const T *offset;
    const T *mask;
    unsigned offset_stride, mask_stride;
    int mask_activation;

    struct Corners {
        size_t at[4];
        float weight[4];
    };

    __device__ Corners corners(const Conv &c, const Pixel &p, unsigned tap) const {
        const T *moved = offset + p.position * offset_stride + 2 * tap;
        float y = (float)(p.y + (int)(tap / c.kernel_w * c.dilation)) + wide(moved[0]);
        float x_at = (float)(p.x + (int)(tap % c.kernel_w * c.dilation)) + wide(moved[1]);
        float scale = activate(mask_activation, wide(mask[p.position * mask_stride + tap]));
        Corners result;
        // Also where a coordinate is no number.
        bool inside = y > -1.0f && x_at > -1.0f && y < (float)c.height && x_at < (float)c.width;
        if (!inside) y = x_at = -1.0f;
        float low_y = floorf(y), low_x = floorf(x_at);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int row = (int)low_y + i / 2, column = (int)low_x + i % 2;
            float weight_y = i / 2 ? y - low_y : 1.0f - (y - low_y);
            float weight_x = i % 2 ? x_at - low_x : 1.0f - (x_at - low_x);
            bool counts = inside && row >= 0 && column >= 0 && row < (int)c.height && column < (int)c.width;
            result.weight[i] = counts ? weight_y * weight_x * scale : 0.0f;
            result.at[i] = counts ? (p.image + (size_t)row * c.width + column) * c.channels : 0;
        }
        return result;
    }

    __device__ Run<T> read(const Conv &c, const Pixel &p, unsigned tap, unsigned channel) const {
        Corners near = corners(c, p, tap);
        float sum[RUN] = {};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (near.weight[i] == 0.0f) continue;
            Run<T> run = *(const Run<T> *)(x + near.at[i] + channel);
#pragma unroll
            for (int j = 0; j < RUN; j++) sum[j] += near.weight[i] * wide(run.values[j]);
        }
        Run<T> result;
#pragma unroll
        for (int j = 0; j < RUN; j++) narrow(sum[j], result.values[j]);
        return result;
    }

    __device__ T one(const Conv &c, const Pixel &p, unsigned tap, unsigned channel) const {
        Corners near = corners(c, p, tap);
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (near.weight[i] != 0.0f) sum += near.weight[i] * wide(x[near.at[i] + channel]);
        T result;
        narrow(sum, result);
        return result;
    }
};

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

// How a block multiplies a piece of BM x BK by one of BN x BK, and what its threads hold.
template <typename T, int BN> struct Tile;

// On tensor cores: a warp has 64 or 32 pixels by 32 outputs.
template <typename T, int BN> struct TensorCores {
    static const int PAD = 8, STRIDE = BK + PAD, SIDE = 16;
    static const int WARPS_N = BN / 32, WARPS_M = THREADS / 32 / WARPS_N;
    static const int ROWS = BM / WARPS_M / SIDE, COLUMNS = 2;
    using Sums = nvcuda::wmma::fragment<nvcuda::wmma::accumulator, SIDE, SIDE, SIDE, float>;
    Sums sums[ROWS][COLUMNS];

    __device__ TensorCores() {
#pragma unroll
        for (int i = 0; i < ROWS; i++)
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) nvcuda::wmma::fill_fragment(sums[i][j], 0.0f);
    }
    __device__ static int warp() { return threadIdx.x / 32; }
    __device__ static int first_row() { return warp() / WARPS_N * ROWS * SIDE; }
    __device__ static int first_column() { return warp() % WARPS_N * COLUMNS * SIDE; }

    __device__ void multiply(const T *a, const T *b) {
        using namespace nvcuda::wmma;
#pragma unroll
        for (int k = 0; k < BK; k += SIDE) {
            fragment<matrix_a, SIDE, SIDE, SIDE, T, row_major> left[ROWS];
            fragment<matrix_b, SIDE, SIDE, SIDE, T, col_major> right[COLUMNS];
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                load_matrix_sync(left[i], a + (first_row() + i * SIDE) * STRIDE + k, STRIDE);
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                load_matrix_sync(right[j], b + (first_column() + j * SIDE) * STRIDE + k, STRIDE);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) mma_sync(sums[i][j], left[i], right[j], sums[i][j]);
        }
    }

    // Calls `write(row, column, sum)` for each sum of the tile; `room` is shared memory of the block.
    template <typename Write> __device__ void for_each(void *room, Write write) {
        float *square = (float *)room + warp() * SIDE * SIDE;
#pragma unroll
        for (int i = 0; i < ROWS; i++)
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                nvcuda::wmma::store_matrix_sync(square, sums[i][j], SIDE, nvcuda::wmma::mem_row_major);
                __syncwarp();
#pragma unroll 1 // What `write` does is long.
                for (int at = threadIdx.x % 32; at < SIDE * SIDE; at += 32)
                    write(first_row() + i * SIDE + at / SIDE, first_column() + j * SIDE + at % SIDE, square[at]);
                __syncwarp();
            }
    }
};
template <int BN> struct Tile<__half, BN> : TensorCores<__half, BN> {};
#ifdef HAS_BF16
template <int BN> struct Tile<__nv_bfloat16, BN> : TensorCores<__nv_bfloat16, BN> {};
#endif

// In full single precision: a thread has 8 pixels by every sixteenth output.
template <int BN> struct Tile<float, BN> {
    static const int STRIDE = BK + 1, ROWS = BM / 16, COLUMNS = BN / 16;
    float sums[ROWS][COLUMNS];

    __device__ Tile() {
#pragma unroll
        for (int i = 0; i < ROWS; i++)
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) sums[i][j] = 0.0f;
    }
    __device__ static int row(int i) { return threadIdx.x / 16 * ROWS + i; }
    __device__ static int column(int j) { return threadIdx.x % 16 + 16 * j; }

    __device__ void multiply(const float *a, const float *b) {
        // All 32 steps at once would be 2,048 instructions, which the driver compiles at each first start.
#pragma unroll 4
        for (int k = 0; k < BK; k++) {
            float left[ROWS], right[COLUMNS];
#pragma unroll
            for (int i = 0; i < ROWS; i++) left[i] = a[row(i) * STRIDE + k];
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) right[j] = b[column(j) * STRIDE + k];
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) sums[i][j] = fmaf(left[i], right[j], sums[i][j]);
        }
    }

    template <typename Write> __device__ void for_each(void *room, Write write) {
        // By way of memory, which a loop can index: what `write` does is long.
        float *mine = (float *)room + threadIdx.x * COLUMNS;
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) mine[j] = sums[i][j];
#pragma unroll 1
            for (int j = 0; j < COLUMNS; j++) write(row(i), column(j), mine[j]);
        }
    }
};

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
