//! Random arrivals, cancels, deadlines, panics, out-of-memory runs and lost devices, checked by a
//! model that knows the policy and the grants, and nothing of the queue's insides.

use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::{Class, Snapshot};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running(usize),
    Gone,
}

struct Known {
    class: usize,
    lane: (u64, usize, Priority),
    state: State,
    /// Runs out of memory once more ends it.
    alone: bool,
    /// Devices it has cost.
    losses: u32,
    asked: Duration,
    deadline: Option<Duration>,
}

/// What the world outside the queue can know.
struct Model {
    policy: Policy,
    specs: Vec<DeviceSpec>,
    states: Vec<DeviceState>,
    jobs: HashMap<Ticket, Known>,
    /// Requests that wait for the first time, by flow, class and priority.
    lanes: HashMap<(u64, usize, Priority), BTreeSet<Ticket>>,
    running: Vec<Vec<Ticket>>,
    waiting: BTreeSet<Ticket>,
}

impl Model {
    fn take(&mut self, now: Duration, event: Event) {
        let (ticket, device) = match event {
            Event::Granted(ticket, device) => (ticket, device.0),
            Event::Expired(ticket) => {
                let deadline = self.jobs[&ticket].deadline;
                assert!(deadline.is_some_and(|d| d <= now), "expired before its time");
                return self.gone(ticket);
            }
            Event::NoDevice(ticket) => {
                let memory = self.policy.classes[self.jobs[&ticket].class].memory;
                let up = |i: &usize| self.states[*i] == DeviceState::Up;
                let left = (0..self.specs.len()).filter(up).any(|i| self.specs[i].memory >= memory);
                assert!(!left, "given up with a device left");
                return self.gone(ticket);
            }
        };
        let job = self.jobs.get_mut(&ticket).unwrap();
        assert_eq!(job.state, State::Waiting, "granted twice, or after its end");
        let in_time = |d| d > now || d == now && job.asked == now;
        assert!(job.deadline.is_none_or(in_time), "granted after its deadline");
        job.state = State::Running(device);
        let lane = self.lanes.get_mut(&job.lane).unwrap();
        if lane.contains(&ticket) {
            assert_eq!(lane.pop_first(), Some(ticket), "not first come, first served");
        }
        self.waiting.remove(&ticket);
        assert_eq!(self.states[device], DeviceState::Up, "granted on a device out of work");
        self.running[device].push(ticket);
        self.check(device);
    }

    fn check(&self, device: usize) {
        let spec = &self.specs[device];
        let running = &self.running[device];
        let class = |t: &Ticket| &self.policy.classes[self.jobs[t].class];
        assert!(running.len() <= spec.slots as usize, "slots");
        assert!(running.iter().map(|t| class(t).memory).sum::<u64>() <= spec.memory, "memory");
        let alone = running.iter().any(|t| class(t).exclusive || self.jobs[t].alone);
        assert!(!alone || running.len() == 1, "exclusivity");
        for c in &self.policy.classes {
            let count = running.iter().filter(|t| class(t).name == c.name).count();
            assert!(count <= c.concurrent as usize, "concurrency of {}", c.name);
        }
    }

    fn gone(&mut self, ticket: Ticket) {
        let job = self.jobs.get_mut(&ticket).unwrap();
        assert_eq!(job.state, State::Waiting, "ended twice");
        job.state = State::Gone;
        self.waiting.remove(&ticket);
        self.lanes.get_mut(&job.lane).unwrap().remove(&ticket);
    }

    fn ended(&mut self, ticket: Ticket, released: Released, alone: bool) {
        let job = self.jobs.get_mut(&ticket).unwrap();
        let State::Running(device) = job.state else { panic!("released without a lease") };
        self.running[device].retain(|t| *t != ticket);
        job.state = match released {
            Released::Done => State::Gone,
            Released::Again => {
                self.waiting.insert(ticket);
                job.alone |= alone;
                State::Waiting
            }
        };
    }
}

fn world(rng: &mut Rng) -> (Policy, Vec<DeviceSpec>) {
    let mut policy = match rng.below(3) {
        0 => Policy::standard(),
        1 => Policy::by_memory(),
        _ => {
            let classes = (0..1 + rng.below(4)).map(|i| Class {
                name: format!("c{i}"),
                concurrent: 1 + rng.below(5) as u32,
                exclusive: rng.chance(30),
                memory: rng.below(9) << 30,
                memory_is_assumed: false,
                run_time: ms(1 + rng.below(200)),
                load_time: ms(rng.below(500)),
            });
            Policy::new(classes.collect())
        }
    };
    policy.waiting = 1 + rng.below(60) as usize;
    policy.waiting_per_flow = 1 + rng.below(60) as usize;
    policy.ageing = ms(20 + rng.below(2000));
    policy.out_of_memory_pause = ms(rng.below(1000));
    let devices = (0..1 + rng.below(6)).map(|i| DeviceSpec {
        name: format!("gpu:{i}"),
        memory: if i == 0 { 8 << 30 } else { (1 + rng.below(16)) << 30 },
        slots: 1 + rng.below(8) as u32,
        card: None,
    });
    let devices = devices.collect();
    (policy, devices)
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> Option<T> {
    (!from.is_empty()).then(|| from[rng.below(from.len() as u64) as usize])
}

/// Tells which episode it was that failed.
struct Episode(u64);

#[allow(clippy::print_stderr, reason = "to find the episode again")]
impl Drop for Episode {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in episode {}", self.0);
        }
    }
}

/// One queue from its beginning through `steps` random steps to its drained end.
fn episode(seed: u64, steps: u64) -> Snapshot {
    let _told = Episode(seed);
    let mut rng = Rng::new(seed);
    let (policy, specs) = world(&mut rng);
    let mut queue = Queue::new(policy.clone(), specs.clone()).unwrap();
    if rng.chance(50) {
        queue = queue.one_at_a_time();
    }
    let n = specs.len();
    let mut model = Model {
        states: vec![DeviceState::Up; n],
        running: vec![Vec::new(); n],
        jobs: HashMap::new(),
        lanes: HashMap::new(),
        waiting: BTreeSet::new(),
        policy,
        specs,
    };
    let arrivals = 20 + rng.below(40);
    let mut places = Vec::new();
    let mut now = ms(1);
    for step in 0..steps {
        if rng.chance(60) {
            now += Duration::from_micros(rng.below(30_000));
            // What is due comes before what happens in this step; half of the time for itself.
            if rng.chance(50) {
                queue.tick(now);
                settle(&mut queue, &mut model, now);
            }
        }
        // Whether the queue has looked for what can start, in this very step.
        let mut decided = true;
        match rng.below(100) {
            x if x < arrivals => {
                let class = rng.below(model.policy.classes.len() as u64) as usize;
                let flow = rng.below(6);
                let priority =
                    [Priority::Low, Priority::Normal, Priority::High][rng.below(3) as usize];
                let deadline = rng.chance(30).then(|| now + ms(rng.below(300)));
                let request = Request {
                    class: ClassId(class),
                    flow: Arc::from(flow.to_string()),
                    priority,
                    deadline,
                };
                match queue.submit(now, request) {
                    Ok(ticket) => {
                        let lane = (flow, class, priority);
                        let state = State::Waiting;
                        let (alone, losses, asked) = (false, 0, now);
                        let job = Known { class, lane, state, alone, losses, asked, deadline };
                        assert!(model.jobs.insert(ticket, job).is_none(), "a ticket twice");
                        model.lanes.entry(lane).or_default().insert(ticket);
                        model.waiting.insert(ticket);
                    }
                    Err(Error::Full { retry_after, .. }) => {
                        assert!(retry_after > Duration::ZERO);
                        decided = false;
                    }
                    Err(Error::NoDevice { .. } | Error::Deadline { .. }) => decided = false,
                    Err(other) => panic!("{other}"),
                }
            }
            x if x < arrivals + 5 => {
                let all: Vec<_> = model.waiting.iter().copied().collect();
                let ticket = pick(&mut rng, &all);
                // It may have expired in this very call.
                decided = ticket.is_some_and(|ticket| queue.cancel(now, ticket));
                if let Some(ticket) = ticket.filter(|_| decided) {
                    model.gone(ticket);
                }
            }
            x if x < arrivals + 7 => {
                let device = rng.below(n as u64) as usize;
                let state = [DeviceState::Up, DeviceState::Draining, DeviceState::Lost]
                    [rng.below(3) as usize];
                queue.tick(now);
                settle(&mut queue, &mut model, now);
                model.states[device] = state;
                queue.set_state(now, DeviceId(device), state);
            }
            x if x < arrivals + 10 => {
                let (class, flow) = (ClassId(0), Arc::from(rng.below(6).to_string()));
                if rng.chance(50) && queue.reserve(now, class, &flow).is_ok() {
                    places.push((class, flow));
                } else if let Some((class, flow)) = places.pop() {
                    queue.give_up(class, &flow);
                }
                decided = false;
            }
            x if x < arrivals + 14 => {
                for device in 0..n {
                    model.states[device] = DeviceState::Up;
                    queue.set_state(now, DeviceId(device), DeviceState::Up);
                    settle(&mut queue, &mut model, now);
                }
            }
            _ => decided = release_one(&mut rng, &mut queue, &mut model, now),
        }
        settle(&mut queue, &mut model, now);
        assert!(model.waiting.len() <= model.policy.waiting + n * 16, "the queue is bounded");
        if decided && step % 8 == 0 {
            queue.audit();
        }
        if step % 32 == 0 {
            // A lapsed restriction is noticed with the next change.
            queue.tick(now);
            settle(&mut queue, &mut model, now);
            queue.audit();
        }
    }
    queue.close();
    assert!(matches!(queue.submit(now, Request::new(ClassId(0))), Err(Error::Closed)));
    settle(&mut queue, &mut model, now);
    for device in 0..n {
        model.states[device] = DeviceState::Up;
        queue.set_state(now, DeviceId(device), DeviceState::Up);
        settle(&mut queue, &mut model, now);
    }
    for (class, flow) in places {
        queue.give_up(class, &flow);
    }
    while !queue.is_idle() {
        assert!(model.running.iter().any(|r| !r.is_empty()), "something waits and nothing runs");
        now += ms(1);
        let ticket = *model.running.iter().flatten().next().unwrap();
        let released = queue.release(now, ticket, Outcome::Finished);
        model.ended(ticket, released, false);
        settle(&mut queue, &mut model, now);
    }
    assert!(model.waiting.is_empty(), "waiters lost: {:?}", model.waiting);
    assert!(model.jobs.values().all(|j| j.state == State::Gone));
    queue.assert_drained();
    queue.snapshot(now)
}

fn settle(queue: &mut Queue, model: &mut Model, now: Duration) {
    while let Some(event) = queue.next_event() {
        model.take(now, event);
    }
}

/// False if nothing runs.
fn release_one(rng: &mut Rng, queue: &mut Queue, model: &mut Model, now: Duration) -> bool {
    let all: Vec<Ticket> = model.running.iter().flatten().copied().collect();
    let Some(ticket) = pick(rng, &all) else { return false };
    let State::Running(device) = model.jobs[&ticket].state else { return false };
    let retry = rng.chance(80);
    if rng.chance(50) && !queue.begin(now, ticket) {
        assert!(model.jobs[&ticket].deadline.is_some_and(|d| d <= now), "late before its time");
        settle(queue, model, now);
        assert_eq!(queue.release(now, ticket, Outcome::Late), Released::Done);
        model.ended(ticket, Released::Done, false);
        return true;
    }
    settle(queue, model, now);
    let outcome = match rng.below(100) {
        0..3 => Outcome::OutOfMemory { retry },
        3..5 => Outcome::DeviceLost { retry },
        5..6 => Outcome::Unopened { retry },
        6..10 => Outcome::Failed,
        10..15 => Outcome::Unused,
        _ => Outcome::Finished,
    };
    if matches!(outcome, Outcome::DeviceLost { .. } | Outcome::Unopened { .. }) {
        queue.tick(now);
        settle(queue, model, now);
        model.states[device] = DeviceState::Lost;
    }
    let alone = matches!(outcome, Outcome::OutOfMemory { .. });
    let was_alone = model.jobs[&ticket].alone;
    let released = queue.release(now, ticket, outcome);
    if alone && was_alone {
        assert_eq!(released, Released::Done, "tried alone twice");
    }
    model.ended(ticket, released, alone);
    let job = model.jobs.get_mut(&ticket).unwrap();
    job.losses += u32::from(matches!(outcome, Outcome::DeviceLost { .. }));
    assert!(job.losses < 2 || released == Released::Done, "a job that costs every device");
    if released == Released::Done {
        // A second release of the same lease changes nothing.
        assert_eq!(queue.release(now, ticket, Outcome::Finished), Released::Done);
    }
    true
}

/// `SCHEDULING_STEPS=100000000 cargo test -p portrait-gpu-scheduling random_steps` makes it a
/// campaign; 5 million is what it does by itself.
#[test]
#[allow(clippy::print_stdout, reason = "the figures of a campaign")]
fn millions_of_random_steps_break_nothing() {
    let (mut granted, mut expired, mut refused, mut memory, mut cancelled) = (0, 0, 0, 0, 0);
    let steps = std::env::var("SCHEDULING_STEPS").map_or(5_000_000, |n| n.parse::<u64>().unwrap());
    for seed in 0..steps.div_ceil(5_000).max(1_000) {
        let snapshot = episode(seed, 5_000);
        for class in &snapshot.classes {
            granted += class.counts.granted;
            expired += class.counts.expired;
            refused += class.counts.refused;
            memory += class.counts.out_of_memory;
            cancelled += class.counts.cancelled;
        }
    }
    // The walk has been everywhere.
    assert!(granted > 1_000_000, "{granted}");
    let others = [expired, refused, memory, cancelled];
    println!(
        "{steps} steps: {granted} granted; expired, refused, out of memory, cancelled: {others:?}"
    );
    assert!(others.iter().all(|n| *n > 5_000), "{others:?}");
}
