// From a network's logits to a cut-out: what crates/segmentation/src/matting does on processor cores.
//
// A matte is `height` rows of `width` values, f32; a photo has three bytes for each pixel.
#include "common.cuh"

// The values of an output along one side: of each, the first value of the input, and `taps` weights.
struct Weights {
    const unsigned *first;
    const float *weights;
    unsigned taps, from;
};

// The weighted sum of values that are `step` apart, made by `value` of what is read.
template <typename T, typename F>
__device__ float weighted_sum(const T *x, const Weights &t, unsigned to, unsigned step, F value) {
    float sum = 0.0f;
    for (unsigned tap = 0; tap < t.taps; tap++) {
        // The last outputs have fewer values; those behind the end have no weight.
        unsigned at = min(t.first[to] + tap, t.from - 1);
        sum += t.weights[to * t.taps + tap] * value(x[(size_t)at * step]);
    }
    return sum;
}

// The sigmoids of logits, resized along the rows.
template <typename T>
__device__ void resize_rows(const T *logits, Weights t, float *y, unsigned width, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    y[i] = weighted_sum(logits + i / width * t.from, t, i % width, 1,
                        [](T x) { return activate(SIGMOID, wide(x)); });
}

#define DEFINE(NAME, T)                                                                            \
    extern "C" __global__ void resize_rows_##NAME(const T *logits, const unsigned *first,          \
                                                  const float *weights, float *y, unsigned taps,   \
                                                  unsigned from, unsigned width, size_t count) {   \
        resize_rows(logits, Weights{first, weights, taps, from}, y, width, count);                    \
    }
FOR_EACH_TYPE(DEFINE)
#undef DEFINE

// A matte resized along the columns; the filter overshoots at edges.
extern "C" __global__ void resize_columns_f32(const float *x, const unsigned *first,
                                              const float *weights, float *y, unsigned taps,
                                              unsigned from, unsigned width, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    Weights t = {first, weights, taps, from};
    float sum = weighted_sum(x + i % width, t, i / width, width, [](float x) { return x; });
    y[i] = fminf(fmaxf(sum, 0.0f), 1.0f);
}

// ---- Keeping the neighbours out ------------------------------------------------------------------
//
// Visible pixels that touch by their sides form parts. A part is a tree: the label of a pixel is the
// number of another one of its part, with a smaller number, or its own. Pixel i has the number i + 1; the
// number 0 stands for the person, whose pixels all have this label. What is not visible has HIDDEN.

struct Box {
    unsigned x, y, width, height;
};
__device__ inline bool holds(const Box &box, unsigned x, unsigned y) {
    return x - box.x < box.width && y - box.y < box.height;
}

constexpr unsigned HIDDEN = 0xffffffff;

// What is nearest to a level of 255 below the first is background.
constexpr float VISIBLE = 0.5f / 255.0f;

// The root of a pixel's tree. Shortens the way for those who come after; others do the same meanwhile, so
// what is read may be old, yet always belongs to the same part.
__device__ inline unsigned root_of(volatile unsigned *labels, unsigned number) {
    while (number != 0) {
        unsigned up = labels[number - 1];
        if (up == number || up == 0) return up;
        unsigned above = labels[up - 1];
        if (above != up) labels[number - 1] = above;
        number = above;
    }
    return 0;
}

// Makes one part of two (a link is only ever moved to a smaller number, and what it was
// before is joined in turn).
__device__ inline void join(unsigned *labels, unsigned a, unsigned b) {
    for (;;) {
        a = root_of(labels, a);
        b = root_of(labels, b);
        if (a == b) return;
        unsigned low = min(a, b), high = max(a, b);
        unsigned before = atomicMin(&labels[high - 1], low);
        if (before == high) return;
        a = low;
        b = before;
    }
}

// Labels of the pixels, those of others outside the person's box excluded: each begins as the first of its
// neighbours to the left within a warp.
extern "C" __global__ void part_labels_f32(const float *alpha, const unsigned *others, unsigned *labels,
                                           unsigned count_of_others, unsigned left, unsigned top,
                                           unsigned box_width, unsigned box_height, unsigned width,
                                           size_t count) {
    size_t i = index_of_thread();
    unsigned x = i % width, y = i / width, lane = threadIdx.x % 32;
    bool is_person = i < count && holds(Box{left, top, box_width, box_height}, x, y);
    bool visible = is_person || (i < count && alpha[i] > VISIBLE);
    for (unsigned other = 0; visible && !is_person && other < count_of_others; other++) {
        const unsigned *box = others + 4 * other;
        visible = !holds(Box{box[0], box[1], box[2], box[3]}, x, y);
    }
    unsigned gaps = ~__ballot_sync(0xffffffff, visible) & ((1u << lane) - 1);
    unsigned run = min(lane - (gaps ? 32 - __clz(gaps) : 0), x);
    if (i < count) labels[i] = is_person ? 0 : visible ? (unsigned)i + 1 - run : HIDDEN;
}

// Joins the parts of pixels that touch, as far as their labels do not know of each other.
extern "C" __global__ void join_parts_u32(unsigned *labels, unsigned width, size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    volatile unsigned *seen = labels;
    if (seen[i] == HIDDEN) return;
    unsigned x = i % width, number = (unsigned)i + 1;
    bool at_left = x > 0 && seen[i - 1] != HIDDEN;
    // A run that goes through the person begins before it, and does not know of it.
    if (at_left && (i % 32 == 0 || seen[i] == 0)) join(labels, number, number - 1);
    if (i < width || seen[i - width] == HIDDEN) return;
    // The pixels to the left of both join the same two parts.
    if (at_left && seen[i - width - 1] != HIDDEN) return;
    join(labels, number, number - width);
}

// The matte of the parts that hang together with the person.
extern "C" __global__ void keep_parts_f32(const float *alpha, const unsigned *labels, float *y,
                                          size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    unsigned number = labels[i];
    while (number != HIDDEN && number != 0 && labels[number - 1] != number) number = labels[number - 1];
    y[i] = number == 0 ? alpha[i] : 0.0f;
}

// ---- Colours and alpha -----------------------------------------------------------------------------

// A photo's colours with the alpha of a matte, four bytes for each pixel, no colour where alpha is 0:
// `columns` pixels of each row from `left` and `first` on.
extern "C" __global__ void compose_f32(const float *shown, const unsigned char *pixels, unsigned char *y,
                                       unsigned width, unsigned first, unsigned left, unsigned columns,
                                       size_t count) {
    size_t i = index_of_thread();
    if (i >= count) return;
    size_t pixel = (first + i / columns) * width + left + i % columns;
    unsigned char opaque = level(shown[pixel]);
    for (unsigned channel = 0; channel < 3; channel++)
        y[4 * i + channel] = opaque ? pixels[3 * pixel + channel] : 0;
    y[4 * i + 3] = opaque;
}
