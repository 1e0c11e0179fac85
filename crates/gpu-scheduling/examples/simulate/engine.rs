//! A simulated deployment: photos arrive, each is one detection and then one segmentation for each
//! person on it. Drives the decision core with a clock of its own, so an hour takes a moment.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use portrait_gpu_scheduling::{
    ClassId, DeviceSpec, Error, Event, Outcome, Policy, Queue, Request, Ticket,
};

const YOLO: ClassId = ClassId(0);
const BIREFNET: ClassId = ClassId(1);

/// How photos arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrivals {
    /// Independently of each other.
    Poisson,
    /// So many at once, at independent times.
    Bursts(u32),
}

/// What is simulated.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// Classes and bounds; the first class detects, the second segments.
    pub(crate) policy: Policy,
    /// Equal devices.
    pub(crate) devices: usize,
    /// Device time asked for, as a part of the device time there is.
    pub(crate) load: f64,
    /// How photos arrive.
    pub(crate) arrivals: Arrivals,
    /// Time in which photos arrive; afterwards the queue is drained.
    pub(crate) span: Duration,
    /// Tenants. The first sends half of all photos, the others the rest in equal parts.
    pub(crate) flows: usize,
    /// Run times, each within 20 % of these.
    pub(crate) run_times: [Duration; 2],
    /// Seed of the random numbers.
    pub(crate) seed: u64,
}

impl Default for Scenario {
    /// One GPU with the seed's policy at 90 % load for ten minutes.
    fn default() -> Self {
        Self {
            policy: Policy::standard(),
            devices: 1,
            load: 0.9,
            arrivals: Arrivals::Poisson,
            span: Duration::from_secs(600),
            flows: 4,
            run_times: [Duration::from_millis(15), Duration::from_millis(200)],
            seed: 1,
        }
    }
}

/// What came out.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// Part of the devices' time with something running, while photos arrived.
    pub(crate) utilisation: f64,
    /// Part of the devices' time in which a segmentation waited only because of detections.
    pub(crate) contention: f64,
    /// Waits, sorted, by class.
    pub(crate) waits: [Vec<Duration>; 2],
    /// Segmentations' mean wait of the tenant that sends half of all, and of the others.
    pub(crate) mean_wait: [Duration; 2],
    /// Jain's index of the tenants' ratio of device time received to device time asked for, while
    /// photos arrived; 1 is even.
    pub(crate) fairness: f64,
    /// Requests admitted and requests refused.
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
    /// Requests that were admitted and never ran.
    pub(crate) lost: u64,
}

/// The `percent`-th percentile of sorted waits.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

struct Rng(u64);

impl Rng {
    /// In (0, 1].
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 2.0
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -self.unit().ln() * mean
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Done(Ticket),
    Photos,
}

struct Job {
    class: usize,
    flow: usize,
    asked: Duration,
    persons: u32,
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    rng: Rng,
    queue: Queue,
    events: BinaryHeap<Reverse<(Duration, Next)>>,
    jobs: HashMap<Ticket, Job>,
    names: Vec<Arc<str>>,
    waits: [Vec<Duration>; 2],
    by_flow: Vec<(Duration, u32)>,
    /// Device time received and asked for.
    received: Vec<f64>,
    asked: Vec<f64>,
    admitted: u64,
    refused: u64,
}

/// One, two or three persons on a photo.
const PERSONS: [f64; 3] = [0.6, 0.3, 0.1];

impl Simulation<'_> {
    fn cost(&self, class: usize) -> f64 {
        let c = &self.scenario.policy.classes[class];
        let share = if c.exclusive { 1.0 } else { 1.0 / f64::from(c.concurrent) };
        self.scenario.run_times[class].as_secs_f64() * share
    }

    fn photo(&mut self, now: Duration) {
        let flows = self.scenario.flows;
        let flow = if flows == 1 || self.rng.unit() <= 0.5 {
            0
        } else {
            1 + ((self.rng.unit() * (flows - 1) as f64) as usize).min(flows - 2)
        };
        let draw = self.rng.unit();
        let persons = 1 + u32::from(draw > PERSONS[0]) + u32::from(draw > PERSONS[0] + PERSONS[1]);
        self.ask(now, 0, flow, persons);
    }

    fn ask(&mut self, now: Duration, class: usize, flow: usize, persons: u32) {
        self.asked[flow] += self.cost(class);
        let id = [YOLO, BIREFNET][class];
        let request = Request { flow: self.names[flow].clone(), ..Request::new(id) };
        match self.queue.submit(now, request) {
            Ok(ticket) => {
                self.admitted += 1;
                self.jobs.insert(ticket, Job { class, flow, asked: now, persons });
            }
            Err(Error::Full { .. }) => self.refused += 1,
            Err(other) => unreachable!("the simulated queue is open and its devices work: {other}"),
        }
    }

    fn start(&mut self, now: Duration) {
        while let Some(event) = self.queue.next_event() {
            let Event::Granted(ticket, _) = event else { continue };
            let job = &self.jobs[&ticket];
            let wait = now - job.asked;
            self.waits[job.class].push(wait);
            if job.class == 1 {
                let (sum, count) = &mut self.by_flow[job.flow];
                *sum += wait;
                *count += 1;
            }
            let (class, flow) = (job.class, job.flow);
            if now <= self.scenario.span {
                self.received[flow] += self.cost(class);
            }
            let time = self.scenario.run_times[class].mul_f64(0.8 + 0.4 * self.rng.unit());
            self.events.push(Reverse((now + time, Next::Done(ticket))));
        }
    }
}

/// Simulates a scenario to its drained end.
///
/// # Errors
/// [`Error::Policy`] for a policy that cannot work.
pub(crate) fn simulate(scenario: &Scenario) -> Result<Report, Error> {
    let devices = (0..scenario.devices)
        .map(|i| DeviceSpec::new(format!("gpu:{i}"), 16 << 30))
        .collect::<Vec<_>>();
    let mut sim = Simulation {
        rng: Rng(scenario.seed),
        queue: Queue::new(scenario.policy.clone(), devices)?,
        events: BinaryHeap::new(),
        jobs: HashMap::new(),
        names: (0..scenario.flows).map(|i| Arc::from(format!("tenant {i}"))).collect(),
        waits: [Vec::new(), Vec::new()],
        by_flow: vec![(Duration::ZERO, 0); scenario.flows],
        received: vec![0.0; scenario.flows],
        asked: vec![0.0; scenario.flows],
        admitted: 0,
        refused: 0,
        scenario,
    };
    let persons = PERSONS[0] + 2.0 * PERSONS[1] + 3.0 * PERSONS[2];
    let burst = match scenario.arrivals {
        Arrivals::Poisson => 1,
        Arrivals::Bursts(n) => n,
    };
    let work = sim.cost(0) + persons * sim.cost(1);
    let gap = f64::from(burst) * work / (scenario.load * scenario.devices as f64);
    sim.events.push(Reverse((Duration::ZERO, Next::Photos)));
    let (mut at_end, mut granted) = (None, 0);
    while let Some(Reverse((now, next))) = sim.events.pop() {
        if now > scenario.span && at_end.is_none() {
            at_end = Some(sim.queue.snapshot(scenario.span));
        }
        match next {
            Next::Photos if now > scenario.span => {}
            Next::Photos => {
                for _ in 0..burst {
                    sim.photo(now);
                }
                let after = Duration::from_secs_f64(sim.rng.exponential(gap));
                sim.events.push(Reverse((now + after, Next::Photos)));
            }
            Next::Done(ticket) => {
                sim.queue.release(now, ticket, Outcome::Finished);
                granted += 1;
                if let Some(Job { class: 0, flow, persons, .. }) = sim.jobs.remove(&ticket) {
                    for _ in 0..persons {
                        sim.ask(now, 1, flow, 0);
                    }
                }
            }
        }
        sim.start(now);
    }
    let snapshot = at_end.unwrap_or_else(|| sim.queue.snapshot(scenario.span));
    let total = scenario.span.as_secs_f64() * scenario.devices as f64;
    let busy: f64 = snapshot.devices.iter().map(|d| d.busy.as_secs_f64()).sum();
    sim.waits.iter_mut().for_each(|w| w.sort_unstable());
    let mean = |flows: &[(Duration, u32)]| {
        let count: u32 = flows.iter().map(|f| f.1).sum();
        flows.iter().map(|f| f.0).sum::<Duration>() / count.max(1)
    };
    let (first, others) = sim.by_flow.split_at(1);
    let ratios: Vec<f64> =
        sim.received.iter().zip(&sim.asked).map(|(r, a)| r / a.max(f64::EPSILON)).collect();
    let (sum, squares) =
        ratios.iter().fold((0.0, 0.0), |(s, q), r: &f64| (s + r, r.mul_add(*r, q)));
    Ok(Report {
        utilisation: busy / total,
        contention: snapshot.classes[1].counts.contended.as_secs_f64() / total,
        mean_wait: [mean(first), mean(others)],
        fairness: sum * sum / (squares * ratios.len() as f64),
        waits: sim.waits,
        lost: sim.admitted - granted,
        admitted: sim.admitted,
        refused: sim.refused,
    })
}
