//! The networks on their devices: every run waits in one fair, bounded queue.

use super::batch::{BatchInput, BatchKey, BatchOutput, detect_batch};
use super::batching::Batching;
use super::failure::{not_opened, refusal, report};
use super::ran::Ran;
use super::replica::{Load, Replica, Source};
use super::turn::Turn;
use crate::error::Error;
use crate::stage::Stage;
use portrait_detection::{Detected, PhotoInput};
use portrait_gpu_scheduling::{
    self as scheduling, BIREFNET, BatchRequest, Batcher, BatcherSettings, Card, DeviceSpec, Policy,
    QueuePlace, Scheduler, Snapshot, YOLO, card_memory,
};
use portrait_kernels::DeviceRequest;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How an engine works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) policy: Policy,
    pub(crate) batching: Batching,
    /// After which pause the memory that a card keeps for the next run is given back.
    pub(crate) idle_memory: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) scheduler: Scheduler<Replica>,
    pub(super) detection: Arc<Source>,
    pub(super) segmentation: Arc<Source>,
    batches: Option<Batcher<Replica, BatchKey, BatchInput, BatchOutput>>,
    /// Persons of one photo that go through the network together, at least 1.
    persons: usize,
    /// The devices' names, joined.
    names: String,
}

impl Engine {
    /// Opens the devices. Networks are built on them when they are first needed there.
    pub(crate) async fn start(
        devices: &[DeviceRequest],
        Settings { policy, batching, idle_memory }: Settings,
        detection: Arc<Source>,
        segmentation: Arc<Source>,
    ) -> Result<Self, Error> {
        let mut builder = Scheduler::builder().policy(policy);
        for &request in devices {
            let spec = spec(request);
            let name = spec.name.clone();
            builder = builder.device(spec, move || Replica::open(&name, request));
        }
        // The memory of a CPU is the C library's.
        let on_cards = devices.iter().any(|device| *device != DeviceRequest::Cpu);
        if let Some(after) = idle_memory.filter(|_| on_cards) {
            builder = builder.when_idle(after, Replica::release_idle_memory);
        }
        let names: Vec<String> = devices.iter().map(ToString::to_string).collect();
        let policy = |error: scheduling::Error| Error::Option {
            option: "policy",
            value: "this one".into(),
            expected: error.to_string(),
        };
        let scheduler = builder.build().map_err(policy)?;
        for class in [YOLO, BIREFNET] {
            scheduler.class(class).map_err(policy)?;
        }
        if let Err(error) = scheduler.open().await {
            scheduler.close().await;
            return Err(not_opened(error));
        }
        let batches = if batching.detection > 1 {
            let settings = BatcherSettings { size: batching.detection, delay: batching.delay };
            let scheduler = scheduler.clone();
            let batcher = Batcher::counting(scheduler, YOLO, settings, detect_batch, Result::is_ok);
            Some(batcher.map_err(policy)?)
        } else {
            None
        };
        let names = names.join(", ");
        Ok(Self {
            scheduler,
            detection,
            segmentation,
            batches,
            persons: batching.persons.max(1),
            names,
        })
    }

    pub(crate) fn detection(&self) -> &Arc<Source> {
        &self.detection
    }

    pub(crate) fn segmentation(&self) -> &Arc<Source> {
        &self.segmentation
    }

    pub(crate) fn persons_together(&self) -> usize {
        self.persons
    }

    /// `cpu`, or the cards by their numbers.
    pub(crate) fn device(&self) -> &str {
        &self.names
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.scheduler.snapshot()
    }

    /// Serves what waits and drops the devices.
    pub(crate) async fn close(&self) {
        self.scheduler.close().await;
    }

    /// How many requests wait for the network of this class.
    pub(crate) fn ahead(&self, class: &str) -> usize {
        self.scheduler.class(class).map_or(0, |class| self.scheduler.waiting(class))
    }

    /// Keeps a place in the queue for a detection whose input is still to be made.
    pub(crate) fn detection_place(&self, turn: &Turn) -> Result<QueuePlace, Error> {
        let place = self.scheduler.reserve(YOLO, turn.flow.clone());
        place.map_err(|error| refusal(Stage::Detection, error))
    }

    /// Keeps a place in the queue for a segmentation whose input is still to be made.
    pub(crate) fn segmentation_place(&self, turn: &Turn) -> Result<QueuePlace, Error> {
        let place = self.scheduler.reserve(BIREFNET, turn.flow.clone());
        place.map_err(|error| refusal(Stage::Segmentation, error))
    }

    /// The device's part of a detection.
    pub(crate) async fn detect(
        &self,
        turn: &Turn,
        place: QueuePlace,
        load: Load,
        input: Arc<PhotoInput>,
    ) -> Result<Ran<Detected>, Error> {
        let Some(batches) = &self.batches else {
            let run = self.run(YOLO, Stage::Detection, turn, place, move |replica| {
                let start = Instant::now();
                let detector = replica.detector(&load)?;
                let loading = start.elapsed();
                Ok((loading, detector.run(&[&*input])?.swap_remove(0)))
            });
            return self.or_forget(&self.detection, run.await).await;
        };
        let key = BatchKey::new(&input);
        let input = BatchInput { load, input, asked: Instant::now() };
        let Turn { flow, priority, max_wait } = turn.clone();
        let request = BatchRequest { flow, priority, max_wait, place: Some(place) };
        let ran = batches.submit_for(request, key, input).await;
        let ran = ran.map_err(|error| turn.refused(Stage::Detection, error)).flatten();
        self.or_forget(&self.detection, ran).await
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        class: &str,
        stage: Stage,
        turn: &Turn,
        place: QueuePlace,
        mut job: impl FnMut(&mut Replica) -> Result<(Duration, T), Error> + Send + 'static,
    ) -> Result<Ran<T>, Error> {
        let asked = Instant::now();
        let lease = self.scheduler.lease(class).flow(turn.flow.clone()).priority(turn.priority);
        let lease = lease.place(place).deadline(turn.deadline());
        let lease = lease.await.map_err(|error| turn.refused(stage, error))?;
        let job = move |replica: &mut Replica| {
            let waited = asked.elapsed();
            let done = report(job(replica))?;
            let device = replica.name().to_owned();
            Ok(done.map(|(loading, value)| Ran { value, device, waited, loading }))
        };
        let ran = lease.run_counting(job, Result::is_ok).await;
        ran.map_err(|error| turn.refused(stage, error))?
    }

    /// A checkpoint that turned out to be wrong is looked for again by the next request.
    async fn or_forget<T>(&self, source: &Source, result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::Weights(_))) {
            source.forget().await;
        }
        result
    }
}

fn spec(request: DeviceRequest) -> DeviceSpec {
    let DeviceRequest::Cuda(ordinal) = request else {
        return DeviceSpec::new(request.to_string(), u64::MAX);
    };
    let card = Card::Index(u32::try_from(ordinal).unwrap_or(u32::MAX));
    let memory = card_memory(&card).unwrap_or(u64::MAX);
    DeviceSpec::new(request.to_string(), memory).on_card(card)
}
