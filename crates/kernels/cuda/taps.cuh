// What a convolution reads: the taps of a pixel, where they stand or moved.
#pragma once
#include "common.cuh"

// Values that a thread reads at once.
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
