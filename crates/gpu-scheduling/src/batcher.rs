//! Several requests in one run.

mod gathering;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use self::gathering::{Entry, Gathering};
use crate::error::{Error, Failure, Message};
use crate::gate::QueuePlace;
use crate::policy::Priority;
use crate::queue::ClassId;
use crate::scheduler::Scheduler;

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

/// Who asks for a part of a batch.
///
/// The default is the flow without a name at normal priority, without a limit.
#[derive(Debug)]
pub struct BatchRequest {
    /// Who asks. A batch waits in the flow of the request that began it.
    pub flow: Arc<str>,
    /// How urgent it is. Requests of different priorities share no batch.
    pub priority: Priority,
    /// How long it may wait until its batch has a device; its run may take longer.
    pub max_wait: Option<Duration>,
    /// The [place](Scheduler::reserve) kept for it, given back when its batch has a device.
    pub place: Option<QueuePlace>,
}

impl Default for BatchRequest {
    fn default() -> Self {
        Self { flow: Arc::from(""), priority: Priority::Normal, max_wait: None, place: None }
    }
}

/// Runs the requests of one batch, all of one key, and answers them in order.
type Run<D, K, I, O> = Arc<dyn Fn(&mut D, &K, &[I]) -> Result<Vec<O>, Failure> + Send + Sync>;

struct Shared<D, K, I, O> {
    scheduler: Scheduler<D>,
    class: ClassId,
    name: String,
    settings: BatcherSettings,
    run: Run<D, K, I, O>,
    finished: Arc<dyn Fn(&O) -> bool + Send + Sync>,
    gathering: Gathering<K, I, O>,
}

/// Gathers requests of one class that have the same key, such as a tensor's shape, and the same
/// priority into one run.
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
        Self::counting(scheduler, class, settings, run, |_| true)
    }

    /// [`Self::new`] with outputs that may be failures: a batch of which no output is `finished`
    /// counts as failed, and its time does not count as a run time of the class.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn counting(
        scheduler: Scheduler<D>,
        class: &str,
        settings: BatcherSettings,
        run: impl Fn(&mut D, &K, &[I]) -> Result<Vec<O>, Failure> + Send + Sync + 'static,
        finished: impl Fn(&O) -> bool + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if settings.size == 0 {
            return Err(Error::Policy("a batch of no request: allow at least one".into()));
        }
        let class_id = scheduler.class(class)?;
        let shared = Shared {
            scheduler,
            class: class_id,
            name: class.into(),
            gathering: Gathering::new(settings.size),
            settings,
            run: Arc::new(run),
            finished: Arc::new(finished),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `input` together with others of the same key, for [`BatchRequest::default`]; else as
    /// [`submit_for`](Self::submit_for).
    ///
    /// # Errors
    /// As [`submit_for`](Self::submit_for).
    pub async fn submit(&self, key: K, input: I) -> Result<O, Error> {
        self.submit_for(BatchRequest::default(), key, input).await
    }

    /// Runs `input` together with others of the same key and priority. Dropped before its batch
    /// begins, the request is left out of it. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Deadline`] when it waited too long. Else as [`Lease::run`](crate::Lease::run) and
    /// the request for the lease; every caller of a batch gets the error of its run.
    pub async fn submit_for(&self, request: BatchRequest, key: K, input: I) -> Result<O, Error> {
        let BatchRequest { flow, priority, max_wait, mut place } = request;
        let ((answer, answered), (taken, mut begun)) = (oneshot::channel(), oneshot::channel());
        let key = (priority, key);
        if let Some(number) = self.shared.gathering.add(&key, Entry { input, taken, answer }) {
            // The place of the request that begins a batch is the batch's in the queue.
            tokio::spawn(gather(self.shared.clone(), flow, place.take(), key, number));
        }
        let limit = max_wait.unwrap_or(Duration::MAX);
        let late = tokio::time::timeout(limit, &mut begun).await.is_err();
        if late && begun.try_recv().is_err() {
            return Err(Error::Deadline { class: self.shared.name.clone() });
        }
        drop(place);
        answered.await.unwrap_or(Err(Error::Closed))
    }
}

/// The life of one batch.
async fn gather<D, K, I, O>(
    shared: Arc<Shared<D, K, I, O>>,
    flow: Arc<str>,
    place: Option<QueuePlace>,
    key: (Priority, K),
    number: u64,
) where
    D: 'static,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    let lease = async {
        let gate = &shared.scheduler.shared.gate;
        if !gate.has_idle_device(shared.class) {
            tokio::select! {
                () = shared.gathering.full(number) => {}
                () = gate.device_idle(shared.class) => {}
                () = tokio::time::sleep(shared.settings.delay) => {}
            }
        }
        let request = shared.scheduler.lease(&shared.name).flow(flow).priority(key.0);
        match place {
            Some(place) => request.place(place).await,
            None => request.await,
        }
    };
    let lease = tokio::select! {
        biased;
        () = shared.gathering.abandoned(&key, number) => return,
        lease = lease => lease,
    };
    let mut entries = shared.gathering.take(&key, number);
    entries.retain(|entry| !entry.answer.is_closed());
    if entries.is_empty() {
        return;
    }
    let (mut answers, mut inputs) = (Vec::new(), Vec::new());
    for Entry { input, taken, answer } in entries {
        if lease.is_ok() {
            // The caller may have been dropped; so here and below.
            let _ = taken.send(());
        }
        answers.push(answer);
        inputs.push(input);
    }
    let result = match lease {
        Ok(lease) => {
            let (run, finished) = (shared.run.clone(), shared.finished.clone());
            let job = move |device: &mut D| batch(&run, device, &key.1, &inputs);
            let any = move |outputs: &Vec<O>| outputs.iter().any(|output| finished(output));
            lease.run_counting(job, any).await
        }
        Err(error) => Err(error),
    };
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
