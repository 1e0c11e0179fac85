//! What a call of an operation costs, as a span of `tracing`.

use candle_core::Tensor;
use tracing::span::EnteredSpan;

/// The target of the spans that tell of operations.
///
/// Each call of an operation on a CPU is a span of `tracing` with this target at the level `TRACE`.
/// Its fields: `kind`, the kind of operation in words; `flops`, its arithmetic by definition, 2 for
/// a multiplication with its addition, 0 for what little more than moves values; `bytes`, of
/// inputs, weights and output, each once. The time of the span is the time of the call. Spans do
/// not lie in each other.
pub const OPERATIONS: &str = "portrait_kernels::operations";

/// Begins a span that lasts until it is dropped; `values` are `f32` of inputs, weights and output.
pub(crate) fn begin(kind: &'static str, flops: usize, values: usize) -> EnteredSpan {
    let (flops, bytes) = (flops as u64, (values * size_of::<f32>()) as u64);
    tracing::trace_span!(target: OPERATIONS, "operation", kind, flops, bytes).entered()
}

/// As [`begin`], for something that moves values.
pub(crate) fn begin_moving(kind: &'static str, values: usize) -> EnteredSpan {
    begin(kind, 0, values)
}

/// As [`begin`], for products of `rows` rows with matrices `[k, n]`, one after the other, that read
/// these tensors.
pub(crate) fn begin_product<'a>(
    kind: &'static str,
    rows: usize,
    matrices: &[[usize; 2]],
    read: impl IntoIterator<Item = &'a Tensor>,
) -> EnteredSpan {
    let read: usize = read.into_iter().map(|read| read.elem_count()).sum();
    let weights: usize = matrices.iter().map(|[k, n]| k * n).sum();
    let out = matrices.last().map_or(0, |[_, n]| rows * n);
    begin(kind, 2 * rows * weights, read + weights + out)
}
