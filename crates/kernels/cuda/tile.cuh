// A block's part of a matrix product, from pieces of both matrices in shared memory.
#pragma once
#include "common.cuh"

const int BM = 128, BK = 32, THREADS = 256;

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
