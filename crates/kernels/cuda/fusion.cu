// Means under a window, and two passes of blur fusion made of them: box_filter.rs and fusion.rs of
// crates/segmentation/src/matting. Mattes and photos are those of matting.cu.
#include "common.cuh"

// Pixels that a thread goes along, after it has summed up a window.
constexpr int STEPS = 64;

// A sum with the digits of two floats: nothing drifts while a window moves on.
struct Sum {
    float high, low;
};
__device__ inline void add(Sum &sum, float x) {
    float high = sum.high + x, part = high - sum.high;
    sum.low += (sum.high - (high - part)) + (x - part);
    sum.high = high;
}
__device__ inline float value_of(const Sum &sum) { return sum.high + sum.low; }

// `size` positions from `size / 2` before one, of `length`; the border is mirrored without repeating its
// pixel.
struct Window {
    int length, size;
};
__device__ inline int mirrored(const Window &window, int at) {
    if (at >= 0 && at < window.length) return at;
    if (window.length == 1) return 0;
    int period = 2 * (window.length - 1);
    at %= period;
    if (at < 0) at += period;
    return min(at, period - at);
}

// Calls `put` with the sum around each of `count` positions from `from` on.
template <typename Read, typename Put>
__device__ inline void moving_sums(const Window &window, int from, int count, Read read, Put put) {
    Sum sum = {0.0f, 0.0f};
    int start = from - window.size / 2;
    for (int i = 0; i < window.size; i++) add(sum, read(mirrored(window, start + i)));
    for (int i = 0; i < count; i++, start++) {
        put(from + i, value_of(sum));
        add(sum, -read(mirrored(window, start)));
        add(sum, read(mirrored(window, start + window.size)));
    }
}

// How many of `length` positions the run from `from` on has.
__device__ inline int run_of(unsigned length, unsigned from) { return min(STEPS, (int)(length - from)); }

// The means of a matte along its rows, and along its columns.
extern "C" __global__ void row_means_f32(const float *x, float *y, unsigned width, unsigned size,
                                         size_t runs) {
    size_t i = index_of_thread();
    unsigned of_a_row = (width + STEPS - 1) / STEPS, from = i % of_a_row * STEPS;
    if (i >= runs) return;
    x += i / of_a_row * width;
    y += i / of_a_row * width;
    moving_sums(
        Window{(int)width, (int)size}, from, run_of(width, from), [&](int at) { return x[at]; },
        [&](int at, float sum) { y[at] = sum / size; });
}
extern "C" __global__ void column_means_f32(const float *x, float *y, unsigned height, unsigned width,
                                            unsigned size, size_t runs) {
    size_t i = index_of_thread();
    unsigned from = i / width * STEPS;
    if (i >= runs) return;
    x += i % width;
    y += i % width;
    moving_sums(
        Window{(int)height, (int)size}, from, run_of(height, from),
        [&](int at) { return x[(size_t)at * width]; },
        [&](int at, float sum) { y[(size_t)at * width] = sum / size; });
}

// ---- Blur fusion -----------------------------------------------------------------------------------
//
// A pass averages seven values of each pixel, one after the other in memory and a lane for each: alpha,
// the foreground's three colours times alpha, the background's times what is left of it. An eighth lane
// has nothing to do: eight floats are what memory moves at once.
constexpr unsigned LANES = 8;

// Keeps the divisions away from zero, as in the reference.
constexpr float EPS = 1e-5f;

__device__ inline float weighed(unsigned lane, float value, float alpha) {
    if (lane == 0) return alpha;
    return value * (lane < 4 ? alpha : 1.0f - alpha);
}

struct Photo {
    const unsigned char *pixels;
    const float *alpha;
    size_t width;
};
// Of the lanes 1 to 3 and 4 to 6, red, green and blue.
__device__ inline float colour(const Photo &photo, size_t pixel, unsigned lane) {
    if (lane == 0 || lane == 7) return 0.0f;
    return photo.pixels[3 * pixel + (lane - 1) % 3] * (1.0f / 255.0f);
}

// Sums along the columns: of `rows` rows from `first` on. A block has 32 columns and STEPS rows.
template <typename Read>
__device__ void column_sums(Read read, float *y, Window window, unsigned width, unsigned first,
                            unsigned rows) {
    unsigned lane = threadIdx.x % LANES, x = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    unsigned from = blockIdx.y * STEPS;
    if (x >= width) return;
    moving_sums(
        window, first + from, run_of(rows, from), [&](int at) { return read(at, x, lane); },
        [&](int at, float sum) { y[((size_t)(at - first) * width + x) * LANES + lane] = sum; });
}

extern "C" __global__ void photo_sums_f32(const unsigned char *pixels, const float *alpha, float *y,
                                          unsigned height, unsigned width, unsigned size, unsigned first,
                                          unsigned rows) {
    Photo photo = {pixels, alpha, width};
    auto read = [&](int row, unsigned x, unsigned lane) {
        size_t pixel = (size_t)row * width + x;
        return weighed(lane, colour(photo, pixel, lane), alpha[pixel]);
    };
    column_sums(read, y, Window{(int)height, (int)size}, width, first, rows);
}

// The same of a pass's values, of which the rows from `begins` on are there.
extern "C" __global__ void fused_sums_f32(const float *values, float *y, unsigned height,
                                          unsigned width, unsigned size, unsigned first, unsigned rows,
                                          unsigned begins) {
    auto read = [&](int row, unsigned x, unsigned lane) {
        return values[((size_t)(row - begins) * width + x) * LANES + lane];
    };
    column_sums(read, y, Window{(int)height, (int)size}, width, first, rows);
}

// Means of those sums along the rows, and from them foreground and background: of `columns` pixels from
// `left` on of each row. Eight lanes go along STEPS pixels, and `put` what they find.
template <typename Put>
__device__ void fuse(const float *sums, const Photo &photo, unsigned size, unsigned first, unsigned rows,
                     unsigned left, unsigned columns, Put put) {
    unsigned lane = threadIdx.x % LANES, in_warp = threadIdx.x % 32;
    size_t run = blockIdx.x * (size_t)(blockDim.x / LANES) + threadIdx.x / LANES;
    unsigned of_a_row = (columns + STEPS - 1) / STEPS;
    bool is_there = run / of_a_row < rows;
    // All lanes of a warp stay: they hand values to each other.
    size_t row = is_there ? run / of_a_row : 0;
    sums += row * photo.width * LANES + lane;
    float share = 1.0f / ((float)size * (float)size);
    moving_sums(
        Window{(int)photo.width, (int)size}, left + run % of_a_row * STEPS, STEPS,
        [&](int at) { return sums[(size_t)at * LANES]; },
        [&](int at, float sum) {
            float mean = sum * share;
            float inside = __shfl_sync(0xffffffff, mean, in_warp - lane);
            float mixed = mean / ((lane < 4 ? inside : 1.0f - inside) + EPS);
            float behind = __shfl_sync(0xffffffff, mixed, in_warp - lane + (lane + 3) % LANES);
            if (!is_there || at >= (int)(left + columns)) return;
            size_t pixel = (first + row) * photo.width + at;
            float alpha = photo.alpha[pixel];
            if (lane < 4) {
                float here = colour(photo, pixel, lane);
                float residual = here - alpha * mixed - (1.0f - alpha) * behind;
                mixed = fminf(fmaxf(mixed + alpha * residual, 0.0f), 1.0f);
            }
            put(lane, row, at, alpha, mixed);
        });
}

// What the second pass averages.
extern "C" __global__ void fused_rows_f32(const float *sums, const unsigned char *pixels,
                                          const float *alpha, float *y, unsigned width, unsigned size,
                                          unsigned first, unsigned rows) {
    Photo photo = {pixels, alpha, width};
    fuse(sums, photo, size, first, rows, 0, width,
         [&](unsigned lane, size_t row, int at, float alpha, float colour) {
             y[(row * width + at) * LANES + lane] = lane == 7 ? 0.0f : weighed(lane, colour, alpha);
         });
}

// The foreground's colours with the alpha of `shown`, four bytes for each pixel; none where that is 0.
extern "C" __global__ void fused_pixels_f32(const float *sums, const unsigned char *pixels,
                                            const float *alpha, const float *shown, unsigned char *y,
                                            unsigned width, unsigned size, unsigned first, unsigned rows,
                                            unsigned left, unsigned columns) {
    Photo photo = {pixels, alpha, width};
    fuse(sums, photo, size, first, rows, left, columns,
         [&](unsigned lane, size_t row, int at, float, float colour) {
             unsigned char opaque = level(shown[(first + row) * width + at]);
             unsigned char *pixel = y + 4 * (row * columns + (at - left));
             if (lane == 0) pixel[3] = opaque;
             else if (lane < 4) pixel[lane - 1] = opaque ? (unsigned char)(colour * 255.0f + 0.5f) : 0;
         });
}
