// Attention within the windows of a map, read and written where they lie: a block for each window and
// head, a warp for each query.
#include "common.cuh"

const int WIDTH = 32;             // of a head: one value for each lane
const int MOST_TOKENS = 144;      // windows of up to 12 x 12
const int KEYS = (MOST_TOKENS + 31) / 32;
const int WARPS = 8;

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

__device__ inline float all(float x, bool most) {
    for (int lane = 16; lane > 0; lane /= 2) {
        float other = __shfl_xor_sync(0xffffffff, x, lane);
        x = most ? fmaxf(x, other) : x + other;
    }
    return x;
}

template <typename T>
__device__ void window_attention(const T *qkv, const T *position_bias, const T *padding, T *y, Windows w) {
    SHARED float keys[MOST_TOKENS][WIDTH + 1];
    SHARED float values[MOST_TOKENS][WIDTH + 1];
    SHARED int places[MOST_TOKENS]; // in the map; below 0 for padding
    SHARED unsigned char regions[MOST_TOKENS];
    SHARED float queries[WARPS][WIDTH];
    SHARED float weights[WARPS][KEYS * 32];

    unsigned tokens = w.window * w.window, channels = w.heads * WIDTH;
    unsigned columns = w.padded_w / w.window, windows = w.padded_h / w.window * columns;
    unsigned head = blockIdx.y, image = blockIdx.x / windows, window = blockIdx.x % windows;
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const T *map = qkv + (size_t)image * w.height * w.width * 3 * channels;

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
        return wide(places[token] < 0 ? padding[at] : map[(size_t)places[token] * 3 * channels + at]);
    };
    for (unsigned i = warp; i < tokens; i += WARPS) {
        keys[i][lane] = part(i, 1);
        values[i][lane] = part(i, 2);
    }
    __syncthreads();

    float scale = rsqrtf((float)WIDTH);
    for (unsigned query = warp; query < tokens; query += WARPS) {
        if (places[query] < 0) continue;
        queries[warp][lane] = part(query, 0) * scale;
        __syncwarp();
        float scores[KEYS], most = -INFINITY, sum = 0.0f;
        const T *bias = position_bias + ((size_t)head * tokens + query) * tokens;
        for (int i = 0; i < KEYS; i++) {
            unsigned key = lane + 32 * i;
            scores[i] = -INFINITY;
            if (key < tokens && regions[key] == regions[query]) {
                float score = 0.0f;
                for (int d = 0; d < WIDTH; d++) score = fmaf(queries[warp][d], keys[key][d], score);
                scores[i] = score + wide(bias[key]);
            }
            most = fmaxf(most, scores[i]);
        }
        most = all(most, true);
        for (int i = 0; i < KEYS; i++) {
            float weight = expf(scores[i] - most);
            weights[warp][lane + 32 * i] = weight;
            sum += weight;
        }
        sum = all(sum, false);
        __syncwarp();
        float mixed = 0.0f;
        for (unsigned key = 0; key < tokens; key++) mixed = fmaf(weights[warp][key], values[key][lane], mixed);
        size_t at = (size_t)image * w.height * w.width + places[query];
        narrow(mixed / sum, y[at * channels + head * WIDTH + lane]);
        __syncwarp();
    }
}

#define DEFINE(NAME, T)                                                                              \
    extern "C" __global__ void window_attention_##NAME(                                              \
        const T *qkv, const T *position_bias, const T *padding, T *y, unsigned height,               \
        unsigned width, unsigned padded_h, unsigned padded_w, unsigned window, unsigned shift,       \
        unsigned heads) {                                                                            \
        Windows w = {height, width, padded_h, padded_w, window, shift, heads};                       \
        window_attention(qkv, position_bias, padding, y, w);                                         \
    }
FOR_EACH_TYPE(DEFINE)
#undef DEFINE
