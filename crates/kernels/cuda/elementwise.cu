// What moves through memory once: a thread for each value of the output, or a warp for each row.
#include "common.cuh"

// y = activation(x + bias + before) + after, of rows of `channels`.
template <typename T>
__device__ void epilogue(const T *x, T *y, Epilogue<T> e, size_t count, unsigned channels) {
    size_t i = index_of_thread();
    if (i < count) narrow(finish(e, wide(x[i]), i, (unsigned)(i % channels)), y[i]);
}

// Each pixel times the sigmoid of its logit; logits are `stride` apart.
template <typename T>
__device__ void gate(const T *x, const T *logits, T *y, size_t count, unsigned channels) {
    size_t i = index_of_thread();
    if (i < count) narrow(wide(x[i]) * activate(SIGMOID, wide(logits[i / channels])), y[i]);
}

struct OfColour {
    float red, green, blue;
};
__device__ inline float of(const OfColour &values, unsigned channel) {
    return channel == 0 ? values.red : channel == 1 ? values.green : values.blue;
}

// Bytes as values: x / 255, less the mean of its channel, by the deviation of it.
template <typename T>
__device__ void normalise(const unsigned char *x, T *y, OfColour mean, OfColour deviation, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    unsigned channel = i % 3;
    narrow((x[i] / 255.0f - of(mean, channel)) / of(deviation, channel), y[i]);
}

struct Resize {
    unsigned channels, from_h, from_w, to_h, to_w;
    float scale_h, scale_w;
};

// PyTorch's upsample_bilinear2d with align_corners = true: the same source coordinates in f32.
template <typename T> __device__ void bilinear(const T *x, T *y, Resize r, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    unsigned channel = i % r.channels;
    size_t pixel = i / r.channels;
    unsigned to_x = pixel % r.to_w, to_y = pixel / r.to_w % r.to_h;
    size_t image = pixel / r.to_w / r.to_h;
    // Rounded as they are, not kept for a fused multiply-add: a coordinate's last digit shows.
    float at_y = __fmul_rn(r.scale_h, to_y), at_x = __fmul_rn(r.scale_w, to_x);
    unsigned y0 = min((unsigned)at_y, r.from_h - 1), x0 = min((unsigned)at_x, r.from_w - 1);
    unsigned y1 = min(y0 + 1, r.from_h - 1), x1 = min(x0 + 1, r.from_w - 1);
    float w1 = at_y - y0, v1 = at_x - x0, w0 = 1.0f - w1, v0 = 1.0f - v1;
    const T *base = x + image * r.from_h * r.from_w * r.channels + channel;
    auto value = [&](unsigned row, unsigned column) {
        return wide(base[((size_t)row * r.from_w + column) * r.channels]);
    };
    float above = v0 * value(y0, x0) + v1 * value(y0, x1);
    float below = v0 * value(y1, x0) + v1 * value(y1, x1);
    narrow(w0 * above + w1 * below, y[i]);
}

// The largest of the window of 2 * radius + 1 pixels a side around each pixel.
template <typename T>
__device__ void max_pool(const T *x, T *y, unsigned channels, unsigned height, unsigned width,
                         int radius, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    unsigned channel = i % channels;
    size_t pixel = i / channels;
    int at_x = pixel % width, at_y = pixel / width % height;
    size_t image = pixel / width / height;
    float most = -INFINITY;
    for (int row = max(at_y - radius, 0); row <= min(at_y + radius, (int)height - 1); row++)
        for (int column = max(at_x - radius, 0); column <= min(at_x + radius, (int)width - 1); column++)
            most = fmaxf(most, wide(x[((image * height + row) * width + column) * channels + channel]));
    narrow(most, y[i]);
}

// The mean of `values` under the softmax of each row of `count` logits: a thread for each row.
template <typename T>
__device__ void softmax_mean(const T *x, const T *values, T *y, unsigned count, size_t rows) {
    size_t row = index_of_thread();
    if (row >= rows) return;
    x += row * count;
    float most = -INFINITY, sum = 0.0f, mean = 0.0f;
    for (unsigned i = 0; i < count; i++) most = fmaxf(most, wide(x[i]));
    for (unsigned i = 0; i < count; i++) {
        float weight = expf(wide(x[i]) - most);
        sum += weight;
        mean += weight * wide(values[i]);
    }
    narrow(mean / sum, y[row]);
}

// (x - mean) / sqrt(variance + eps) * weight + bias: a warp for each row, the variance in a second
// pass, so that a large mean costs no digits.
template <typename T>
__device__ void layer_norm(const T *x, const T *weight, const T *bias, T *y, float eps,
                           unsigned channels, size_t rows) {
    size_t row = index_of_thread() / 32;
    unsigned lane = threadIdx.x % 32;
    if (row >= rows) return;
    x += row * channels;
    y += row * channels;
    float sum = 0.0f, squares = 0.0f;
    for (unsigned i = lane; i < channels; i += 32) sum += wide(x[i]);
    float mean = sum_of_warp(sum) / channels;
    for (unsigned i = lane; i < channels; i += 32) {
        float centred = wide(x[i]) - mean;
        squares += centred * centred;
    }
    float scale = rsqrtf(sum_of_warp(squares) / channels + eps);
    for (unsigned i = lane; i < channels; i += 32)
        narrow((wide(x[i]) - mean) * scale * wide(weight[i]) + wide(bias[i]), y[i]);
}

// The mean of so many rows of each group: a block for 32 channels of a group.
template <typename T>
__device__ void mean_of_rows(const T *x, T *y, unsigned rows, unsigned channels) {
    SHARED float sums[8][32];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, channel = blockIdx.y * 32 + lane;
    x += (size_t)blockIdx.x * rows * channels;
    float sum = 0.0f;
    if (channel < channels)
        for (unsigned row = warp; row < rows; row += 8) sum += wide(x[(size_t)row * channels + channel]);
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || channel >= channels) return;
    sum = 0.0f;
    for (unsigned i = 0; i < 8; i++) sum += sums[i][lane];
    narrow(sum / rows, y[(size_t)blockIdx.x * channels + channel]);
}

#define DEFINE(NAME, T)                                                                            \
    extern "C" __global__ void epilogue_##NAME(const T *x, const T *bias, const T *before,         \
                                               const T *after, T *y, unsigned activation,          \
                                               unsigned channels, size_t count) {                  \
        epilogue(x, y, Epilogue<T>{bias, before, after, (int)activation}, count, channels);        \
    }                                                                                              \
    extern "C" __global__ void gate_##NAME(const T *x, const T *logits, T *y, unsigned channels,   \
                                           size_t count) {                                         \
        gate(x, logits, y, count, channels);                                                       \
    }                                                                                              \
    extern "C" __global__ void normalise_##NAME(                                                   \
        const unsigned char *x, T *y, float mean_red, float mean_green, float mean_blue,           \
        float deviation_red, float deviation_green, float deviation_blue, size_t count) {          \
        normalise(x, y, OfColour{mean_red, mean_green, mean_blue},                                 \
                  OfColour{deviation_red, deviation_green, deviation_blue}, count);                \
    }                                                                                              \
    extern "C" __global__ void bilinear_##NAME(const T *x, T *y, unsigned channels,                \
                                               unsigned from_h, unsigned from_w, unsigned to_h,    \
                                               unsigned to_w, float scale_h, float scale_w,        \
                                               size_t count) {                                     \
        Resize r = {channels, from_h, from_w, to_h, to_w, scale_h, scale_w};                       \
        bilinear(x, y, r, count);                                                                  \
    }                                                                                              \
    extern "C" __global__ void max_pool_##NAME(const T *x, T *y, unsigned channels,                \
                                               unsigned height, unsigned width, unsigned radius,   \
                                               size_t count) {                                     \
        max_pool(x, y, channels, height, width, (int)radius, count);                               \
    }                                                                                              \
    extern "C" __global__ void softmax_mean_##NAME(const T *x, const T *values, T *y,              \
                                                   unsigned logits, size_t rows) {                 \
        softmax_mean(x, values, y, logits, rows);                                                  \
    }                                                                                              \
    extern "C" __global__ void mean_of_rows_##NAME(const T *x, T *y, unsigned rows,                \
                                                   unsigned channels) {                            \
        mean_of_rows(x, y, rows, channels);                                                        \
    }                                                                                              \
    extern "C" __global__ void layer_norm_##NAME(const T *x, const T *weight, const T *bias, T *y, \
                                                 float eps, unsigned channels, size_t rows) {      \
        layer_norm(x, weight, bias, y, eps, channels, rows);                                       \
    }
FOR_EACH_TYPE(DEFINE)
#undef DEFINE
