// Runs our kernels on a CPU, block after block: `portrait_launch` is what a test calls.

#include "../elementwise.cu"
#include "../fusion.cu"
#include "../matting.cu"
#include "../product.cu"
#include "../window_attention.cu"

#include <ucontext.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

Index threadIdx, blockIdx, blockDim;

namespace {

struct Barrier {
    unsigned arrived = 0, generation = 0;
};

struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(256 << 10);
    bool done = false;
};

std::vector<Thread> threads;
ucontext_t scheduler;
unsigned current;
Barrier block_barrier;
std::vector<Barrier> warp_barriers;
std::vector<float> exchanged;
void (*body)();

void wait(Barrier &barrier, unsigned count) {
    unsigned generation = barrier.generation;
    if (++barrier.arrived == count) {
        barrier.arrived = 0;
        barrier.generation++;
    }
    while (barrier.generation == generation) swapcontext(&threads[current].context, &scheduler);
}

void start() {
    body();
    threads[current].done = true;
    swapcontext(&threads[current].context, &scheduler);
}

void run_block() {
    unsigned count = blockDim.x;
    block_barrier = {};
    warp_barriers.assign((count + 31) / 32, {});
    exchanged.assign(count, 0.0f);
    threads.resize(count);
    for (Thread &thread : threads) {
        thread.done = false;
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, start, 0);
    }
    for (unsigned left = count; left > 0;)
        for (current = 0; current < count; current++) {
            if (threads[current].done) continue;
            threadIdx = {current, 0, 0};
            swapcontext(&scheduler, &threads[current].context);
            if (threads[current].done) left--;
        }
}

// The arguments of a launch, unpacked for a kernel.
void **arguments;
template <auto KERNEL> struct Unpacked;
template <typename... A, void (*KERNEL)(A...)> struct Unpacked<KERNEL> {
    template <size_t... I> static void call(std::index_sequence<I...>) {
        KERNEL(*(A *)arguments[I]...);
    }
    static void run() { call(std::index_sequence_for<A...>{}); }
};

const std::map<std::string, void (*)()> kernels = {
#define ENTRY(KERNEL) {#KERNEL, Unpacked<KERNEL>::run},
#define DEFINE(NAME, T)                                                                                \
    ENTRY(epilogue_##NAME) ENTRY(gate_##NAME) ENTRY(bilinear_##NAME) ENTRY(max_pool_##NAME)            \
    ENTRY(softmax_mean_##NAME) ENTRY(layer_norm_##NAME) ENTRY(mean_of_rows_##NAME) ENTRY(conv2d_64_##NAME)                        \
    ENTRY(normalise_##NAME) ENTRY(resize_rows_##NAME) ENTRY(conv2d_128_##NAME) ENTRY(deform_conv2d_64_##NAME) ENTRY(deform_conv2d_128_##NAME)            \
    ENTRY(window_attention_64_##NAME) ENTRY(window_attention_144_##NAME)
    FOR_EACH_TYPE(DEFINE)
    ENTRY(resize_columns_f32) ENTRY(part_labels_f32) ENTRY(join_parts_u32) ENTRY(keep_parts_f32)
    ENTRY(row_means_f32) ENTRY(column_means_f32) ENTRY(photo_sums_f32) ENTRY(fused_sums_f32)
    ENTRY(fused_rows_f32) ENTRY(fused_pixels_f32) ENTRY(compose_f32)};

} // namespace

void __syncthreads() { wait(block_barrier, blockDim.x); }
void __syncwarp() { wait(warp_barriers[current / 32], 32); }
static float value_of_thread(float value, unsigned thread) {
    exchanged[current] = value;
    __syncwarp();
    float other = exchanged[thread];
    __syncwarp();
    return other;
}
float __shfl_xor_sync(unsigned, float value, int lane) {
    return value_of_thread(value, current ^ lane);
}
float __shfl_sync(unsigned, float value, int lane) {
    return value_of_thread(value, current / 32 * 32 + lane % 32);
}
unsigned __ballot_sync(unsigned, bool yes) {
    unsigned first = current / 32 * 32, votes = 0;
    exchanged[current] = yes;
    __syncwarp();
    for (unsigned lane = 0; lane < 32; lane++) votes |= (exchanged[first + lane] != 0.0f) << lane;
    __syncwarp();
    return votes;
}

// Runs a kernel with pointers to its arguments; false if there is none of this name.
extern "C" bool portrait_launch(const char *name, void **args, unsigned blocks_x, unsigned blocks_y,
                       unsigned block) {
    auto kernel = kernels.find(name);
    if (kernel == kernels.end()) return false;
    arguments = args;
    body = kernel->second;
    blockDim = {block, 1, 1};
    for (unsigned y = 0; y < blocks_y; y++)
        for (unsigned x = 0; x < blocks_x; x++) {
            blockIdx = {x, y, 0};
            run_block();
        }
    return true;
}
