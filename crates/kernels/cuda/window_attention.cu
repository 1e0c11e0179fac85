// Attention within the windows of a map, read and written where they lie: a block for each window and
// head, a warp for a few queries at a time, which share what it reads of keys and values.
#include "common.cuh"

const int WIDTH = 32; // of a head: one value for each lane
const int WARPS = 8;

// Queries of a warp at a time, and what keeps columns of keys on different banks of shared memory.
template <typename T> struct Warp {
    static const int QUERIES = 4, PAD = 2;
};
template <> struct Warp<float> {
    static const int QUERIES = 2, PAD = 1;
};

struct Windows {
    unsigned height, width;        // of the map
    unsigned padded_h, padded_w;   // whole windows
    unsigned window, shift, heads;
};

// Tokens of different regions of a shifted map do not see each other: Map::region in Rust.
__device__ inline unsigned region_of(unsigned shifted, unsigned side, const Windows &w) {
    if (w.shift == 0 || shifted < side - w.window) return 0;
    return shifted < side - w.shift ? 1 : 2;
}

__device__ inline float most_of_warp(float x) {
    for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, lane));
    return x;
}

// Windows of up to MOST tokens.
template <typename T, int MOST>
__device__ void window_attention(const T *qkv, const T *position_bias, const T *padding, T *y, Windows w) {
    const int QUERIES = Warp<T>::QUERIES, KEYS = (MOST + 31) / 32; // of a lane
    SHARED T keys[MOST][WIDTH + Warp<T>::PAD];
    SHARED T values[MOST][WIDTH];
    // Of each warp: its queries, then the weights of each key.
    alignas(16) SHARED float rooms[WARPS][MOST][QUERIES];
    SHARED int places[MOST]; // in the map; below 0 for padding
    SHARED unsigned char regions[MOST];

    unsigned tokens = w.window * w.window, channels = w.heads * WIDTH;
    unsigned columns = w.padded_w / w.window, windows = w.padded_h / w.window * columns;
    unsigned head = blockIdx.y, image = blockIdx.x / windows, window = blockIdx.x % windows;
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    size_t map = (size_t)image * w.height * w.width;

    for (unsigned i = threadIdx.x; i < tokens; i += WARPS * 32) {
        unsigned row = window / columns * w.window + i / w.window;
        unsigned column = window % columns * w.window + i % w.window;
        unsigned at_y = (row + w.shift) % w.padded_h, at_x = (column + w.shift) % w.padded_w;
        places[i] = at_y < w.height && at_x < w.width ? (int)(at_y * w.width + at_x) : -1;
        regions[i] = 3 * region_of(row, w.padded_h, w) + region_of(column, w.padded_w, w);
    }
    __syncthreads();
    // Part 0, 1 or 2 of a token: the lane's value of its query, key or value.
    auto part = [&](unsigned token, unsigned which) {
        unsigned at = which * channels + head * WIDTH + lane;
        return places[token] < 0 ? padding[at] : qkv[(map + places[token]) * 3 * channels + at];
    };
    for (unsigned i = warp; i < tokens; i += WARPS) {
        keys[i][lane] = part(i, 1);
        values[i][lane] = part(i, 2);
    }
    __syncthreads();

    float scale = rsqrtf((float)WIDTH);
    float(*room)[QUERIES] = rooms[warp];
    for (unsigned first = warp * QUERIES; first < tokens; first += WARPS * QUERIES) {
#pragma unroll
        for (int q = 0; q < QUERIES; q++) room[lane][q] = wide(part(min(first + q, tokens - 1), 0)) * scale;
        __syncwarp();
        float scores[KEYS][QUERIES];
#pragma unroll
        for (int i = 0; i < KEYS; i++)
#pragma unroll
            for (int q = 0; q < QUERIES; q++) scores[i][q] = 0.0f;
#pragma unroll 8
        for (int d = 0; d < WIDTH; d++)
#pragma unroll
            for (int i = 0; i < KEYS; i++) {
                float key = wide(keys[min(lane + 32 * i, tokens - 1)][d]);
#pragma unroll
                for (int q = 0; q < QUERIES; q++) scores[i][q] = fmaf(room[d][q], key, scores[i][q]);
            }
        __syncwarp();
        float sums[QUERIES], mixed[QUERIES];
#pragma unroll
        for (int q = 0; q < QUERIES; q++) {
            unsigned query = min(first + q, tokens - 1);
            const T *bias = position_bias + ((size_t)head * tokens + query) * tokens;
            float most = -INFINITY;
#pragma unroll
            for (int i = 0; i < KEYS; i++) {
                unsigned key = lane + 32 * i;
                bool sees = key < tokens && regions[key] == regions[query];
                scores[i][q] = sees ? scores[i][q] + wide(bias[key]) : -INFINITY;
                most = fmaxf(most, scores[i][q]);
            }
            most = most_of_warp(most);
            sums[q] = mixed[q] = 0.0f;
#pragma unroll
            for (int i = 0; i < KEYS; i++) {
                float weight = expf(scores[i][q] - most);
                if (lane + 32 * i < tokens) room[lane + 32 * i][q] = weight;
                sums[q] += weight;
            }
            sums[q] = sum_of_warp(sums[q]);
        }
        __syncwarp();
#pragma unroll 4
        for (unsigned key = 0; key < tokens; key++) {
            float value = wide(values[key][lane]);
#pragma unroll
            for (int q = 0; q < QUERIES; q++) mixed[q] = fmaf(room[key][q], value, mixed[q]);
        }
#pragma unroll
        for (int q = 0; q < QUERIES; q++) {
            if (first + q >= tokens || places[first + q] < 0) continue;
            narrow(mixed[q] / sums[q], y[(map + places[first + q]) * channels + head * WIDTH + lane]);
        }
        __syncwarp();
    }
}

#define DEFINE_MOST(NAME, T, MOST)                                                                   \
    extern "C" __global__ void window_attention_##MOST##_##NAME(                                     \
        const T *qkv, const T *position_bias, const T *padding, T *y, unsigned height,               \
        unsigned width, unsigned padded_h, unsigned padded_w, unsigned window, unsigned shift,       \
        unsigned heads) {                                                                            \
        Windows w = {height, width, padded_h, padded_w, window, shift, heads};                       \
        window_attention<T, MOST>(qkv, position_bias, padding, y, w);                                \
    }
// Windows of 8 x 8 and of 12 x 12.
#define DEFINE(NAME, T) DEFINE_MOST(NAME, T, 64) DEFINE_MOST(NAME, T, 144)
FOR_EACH_TYPE(DEFINE)
#undef DEFINE
