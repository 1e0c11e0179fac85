//! Where the time of a network goes: a layer of `tracing` that adds up the spans of operations.

use portrait_pipeline::lowlevel::OPERATIONS;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The part of a pass that no operation reports.
const REST: &str = "everything else";

/// The operations of some passes of a network. Clones are the same profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile(Arc<Mutex<Passes>>);

#[derive(Debug, Default)]
struct Passes {
    /// Of the current pass.
    now: Pass,
    ended: Vec<Pass>,
}

/// The operations of a pass by their kind.
type Pass = BTreeMap<String, Work>;

/// An operation, or the sum of some.
#[derive(Debug, Clone, Default)]
struct Work {
    calls: u64,
    flops: u64,
    bytes: u64,
    time: Duration,
}

impl Profile {
    /// The spans that a profile records.
    pub(crate) fn filter() -> Targets {
        Targets::new().with_target(OPERATIONS, Level::TRACE)
    }

    /// Drops everything that was recorded so far.
    pub(crate) fn forget(&self) {
        *self.passes() = Passes::default();
    }

    /// Takes what was recorded since the last pass as one pass that took this time.
    pub(crate) fn end_pass(&self, time: Duration) {
        let mut passes = self.passes();
        let mut pass = std::mem::take(&mut passes.now);
        let heard = pass.values().map(|work| work.time).sum();
        pass.insert(REST.into(), Work { time: time.saturating_sub(heard), ..Work::default() });
        passes.ended.push(pass);
    }

    /// `{"passes", "rows": [{"kind", "calls", "flops", "bytes", "milliseconds"}]}`, the
    /// longest first. Times are medians over the passes; the first one, which sets up buffers, counts
    /// only if it is the only one.
    pub(crate) fn to_json(&self) -> Value {
        let passes = self.passes();
        let counted = match &passes.ended[..] {
            [_, later @ ..] if !later.is_empty() => later,
            all => all,
        };
        let kinds = counted.first().into_iter().flatten();
        let mut rows: Vec<_> = kinds
            .map(|(kind, work)| {
                let times = counted.iter().filter_map(|pass| pass.get(kind)).map(|work| work.time);
                (kind, work, median(times.collect()))
            })
            .collect();
        rows.sort_by_key(|(_, _, time)| std::cmp::Reverse(*time));
        let rows = rows.into_iter().map(|(kind, work, time)| {
            let Work { calls, flops, bytes, .. } = work;
            let milliseconds = time.as_secs_f64() * 1e3;
            json!({"kind": kind, "calls": calls, "flops": flops, "bytes": bytes, "milliseconds": milliseconds})
        });
        json!({"passes": counted.len(), "rows": rows.collect::<Vec<_>>()})
    }

    fn passes(&self) -> MutexGuard<'_, Passes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A span's fields and when it began.
struct Span {
    kind: String,
    work: Work,
    since: Instant,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Profile {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let work = Work { calls: 1, ..Work::default() };
        let mut fields = Span { kind: String::new(), work, since: Instant::now() };
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Span { kind, work, since }) = span.extensions_mut().remove() else { return };
        let time = since.elapsed();
        let mut passes = self.passes();
        let sum = passes.now.entry(kind).or_default();
        sum.calls += work.calls;
        sum.flops += work.flops;
        sum.bytes += work.bytes;
        sum.time += time;
    }
}

impl Visit for Span {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "flops" => self.work.flops = value,
            "bytes" => self.work.bytes = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "kind" {
            value.clone_into(&mut self.kind);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
