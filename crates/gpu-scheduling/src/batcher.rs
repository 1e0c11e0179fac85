//! Several requests in one run.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Failure, Message};
use crate::policy::Priority;
use crate::queue::ClassId;
use crate::scheduler::Scheduler;
use crate::sync::{Mutex, lock};

/// How a [`Batcher`] gathers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatcherSettings {
    /// Requests in one run at most; at least 1.
    pub size: usize,
    /// How long the first request of a batch waits for others while every device is busy. With an
    /// idle device it does not wait at all.
    pub delay: Duration,
}

impl Default for BatcherSettings {
    /// Up to 8 requests, gathered for up to 5 ms.
    fn default() -> Self {
        Self { size: 8, delay: Duration::from_millis(5) }
    }
}

/// Runs the requests of one batch, all of one key, and answers them in order.
type Run<D, K, I, O> = Arc<dyn Fn(&mut D, &K, &[I]) -> Result<Vec<O>, Failure> + Send + Sync>;

struct Entry<I, O> {
    input: I,
    answer: oneshot::Sender<Result<O, Error>>,
}

/// One batch, from its first request to its lease.
struct Open<I, O> {
    entries: Vec<Entry<I, O>>,
    /// To be woken when the batch is full.
    full: Option<Waker>,
}

struct Gathering<K, I, O> {
    next: u64,
    /// The batch that takes a key's next request; a full one is replaced.
    latest: HashMap<K, u64>,
    open: HashMap<u64, Open<I, O>>,
}

struct Shared<D, K, I, O> {
    scheduler: Scheduler<D>,
    class: ClassId,
    name: String,
    settings: BatcherSettings,
    run: Run<D, K, I, O>,
    gathering: Mutex<Gathering<K, I, O>>,
}

/// Gathers requests of one class that have the same key, such as a tensor's shape, into one run.
///
/// A request that finds an idle device runs at once. Otherwise it waits for others, until the
/// batch is full, its time is over, or a device is idle; and gathers on while it is in the queue.
pub struct Batcher<D, K, I, O> {
    shared: Arc<Shared<D, K, I, O>>,
}

impl<D, K, I, O> Clone for Batcher<D, K, I, O> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<D, K, I, O> fmt::Debug for Batcher<D, K, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("class", &self.shared.name)
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl<D, K, I, O> Batcher<D, K, I, O>
where
    D: 'static,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    /// A batcher of runs of `class`. `run` gets the inputs of one batch, which have one key, and
    /// returns one output for each, in their order; it is called twice for a batch only as
    /// [`Lease::run`](crate::Lease::run) says.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; [`Error::Policy`] if a batch should hold nothing.
    pub fn new(
        scheduler: Scheduler<D>,
        class: &str,
        settings: BatcherSettings,
        run: impl Fn(&mut D, &K, &[I]) -> Result<Vec<O>, Failure> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if settings.size == 0 {
            return Err(Error::Policy("a batch of no request: allow at least one".into()));
        }
        let class_id = scheduler.class(class)?;
        let shared = Shared {
            scheduler,
            class: class_id,
            name: class.into(),
            settings,
            run: Arc::new(run),
            gathering: Mutex::new(Gathering {
                next: 0,
                latest: HashMap::new(),
                open: HashMap::new(),
            }),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `input` together with others of the same key, in the flow without a name and at normal
    /// priority; else as [`submit_for`](Self::submit_for).
    ///
    /// # Errors
    /// As [`submit_for`](Self::submit_for).
    pub async fn submit(&self, key: K, input: I) -> Result<O, Error> {
        self.submit_for(Arc::from(""), Priority::Normal, key, input).await
    }

    /// Runs `input` together with others of the same key. Dropped before its batch begins, the
    /// request is left out of it. Must be called in a tokio runtime.
    ///
    /// A batch may hold requests of several flows; it waits in the flow, and at the priority, of
    /// the one that began it.
    ///
    /// # Errors
    /// As [`Lease::run`](crate::Lease::run) and the request for the lease; every caller of a batch
    /// gets the error of its run.
    pub async fn submit_for(
        &self,
        flow: Arc<str>,
        priority: Priority,
        key: K,
        input: I,
    ) -> Result<O, Error> {
        let (answer, answered) = oneshot::channel();
        let entry = Entry { input, answer };
        let (fresh, full) = self.shared.add(&key, entry);
        if let Some(waker) = full {
            waker.wake();
        }
        if let Some(number) = fresh {
            tokio::spawn(gather(self.shared.clone(), (flow, priority), key, number));
        }
        answered.await.unwrap_or(Err(Error::Closed))
    }
}

impl<D, K, I, O> Shared<D, K, I, O>
where
    K: Clone + Eq + Hash,
{
    /// Adds a request to its key's batch. A batch that is new needs a task; one that is full, to be
    /// woken.
    fn add(&self, key: &K, entry: Entry<I, O>) -> (Option<u64>, Option<Waker>) {
        let mut gathering = lock(&self.gathering);
        let Gathering { next, latest, open } = &mut *gathering;
        let size = self.settings.size;
        let room = latest
            .get(key)
            .copied()
            .filter(|n| open.get(n).is_some_and(|batch| batch.entries.len() < size));
        let number = room.unwrap_or_else(|| {
            *next += 1;
            latest.insert(key.clone(), *next);
            *next
        });
        let batch = open.entry(number).or_insert(Open { entries: Vec::new(), full: None });
        batch.entries.push(entry);
        let full = if batch.entries.len() >= size { batch.full.take() } else { None };
        (room.is_none().then_some(number), full)
    }

    /// Ends the gathering of a batch.
    fn take(&self, key: &K, number: u64) -> Vec<Entry<I, O>> {
        let mut gathering = lock(&self.gathering);
        if gathering.latest.get(key) == Some(&number) {
            gathering.latest.remove(key);
        }
        gathering.open.remove(&number).map_or_else(Vec::new, |batch| batch.entries)
    }

    /// Resolves when the batch is full.
    async fn full(&self, number: u64) {
        poll_fn(|cx| {
            let mut gathering = lock(&self.gathering);
            match gathering.open.get_mut(&number) {
                Some(batch) if batch.entries.len() < self.settings.size => {
                    batch.full = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

/// The life of one batch.
async fn gather<D, K, I, O>(
    shared: Arc<Shared<D, K, I, O>>,
    (flow, priority): (Arc<str>, Priority),
    key: K,
    number: u64,
) where
    D: 'static,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    let gate = &shared.scheduler.shared.gate;
    if !gate.has_idle_device(shared.class) {
        tokio::select! {
            () = shared.full(number) => {}
            () = gate.device_idle(shared.class) => {}
            () = tokio::time::sleep(shared.settings.delay) => {}
        }
    }
    let lease = shared.scheduler.lease(&shared.name).flow(flow).priority(priority).await;
    let (answers, inputs): (Vec<_>, Vec<_>) = shared
        .take(&key, number)
        .into_iter()
        .filter(|entry| !entry.answer.is_closed())
        .map(|entry| (entry.answer, entry.input))
        .unzip();
    if answers.is_empty() {
        return;
    }
    let result = match lease {
        Ok(lease) => {
            let run = shared.run.clone();
            lease.run(move |device| batch(&run, device, &key, &inputs)).await
        }
        Err(error) => Err(error),
    };
    // A caller that has gone misses nothing.
    match result {
        Ok(outputs) => {
            for (answer, output) in answers.into_iter().zip(outputs) {
                let _ = answer.send(Ok(output));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

fn batch<D, K, I, O>(
    run: &Run<D, K, I, O>,
    device: &mut D,
    key: &K,
    inputs: &[I],
) -> Result<Vec<O>, Failure> {
    let outputs = run(device, key, inputs)?;
    if outputs.len() != inputs.len() {
        let (got, wanted) = (outputs.len(), inputs.len());
        return Err(Message(format!("a batch of {wanted} gave {got} results")).into());
    }
    Ok(outputs)
}
