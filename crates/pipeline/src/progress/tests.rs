//! A feed and its readers together.

mod random;

use super::estimates::Estimates;
use super::event::{Event, Step};
use super::feed::{Feed, Updates};
use super::progress::Progress;
use super::update::Update;
use crate::stage::Stage;
use crate::{Code, Error};
use futures::{FutureExt, Stream, StreamExt};
use random::Random;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// What is there for this reader now, without waiting; at most so much.
fn read(updates: &mut Updates, most: usize) -> Vec<Arc<Update>> {
    let now = std::iter::from_fn(|| updates.next().now_or_never().flatten());
    now.take(most).collect()
}

fn numbers(updates: &[Arc<Update>]) -> Vec<u64> {
    updates.iter().map(|update| update.number).collect()
}

/// A reader whose connection breaks now and then.
struct Reconnecting {
    updates: Updates,
    seen: Vec<Arc<Update>>,
}

impl Reconnecting {
    fn new(feed: &Feed) -> Self {
        Self { updates: feed.updates(), seen: Vec::new() }
    }

    fn act(&mut self, feed: &Feed, random: &mut Random) {
        if random.below(3) == 0 {
            let last = self.seen.last().map_or(0, |update| update.number);
            self.updates = feed.after(last);
        }
        self.seen.extend(read(&mut self.updates, random.below(6) as usize));
    }
}

#[test]
fn replayed_from_any_number_all_is_as_it_was_seen_live() {
    for seed in 0..100 {
        let random = &mut Random(seed);
        let (progress, feed) = Progress::feed("job");
        let (mut fast, mut slow) = (feed.updates(), feed.updates());
        let (mut live, mut slowly) = (Vec::new(), Vec::new());
        let mut broken = [0; 3].map(|_| Reconnecting::new(&feed));
        let told = 1 + random.below(400);
        for _ in 0..told {
            random.tell(&progress);
            live.extend(read(&mut fast, usize::MAX));
            if random.below(10) == 0 {
                slowly.extend(read(&mut slow, 1));
            }
            for reader in &mut broken {
                reader.act(&feed, random);
            }
        }
        drop(progress);
        assert_eq!(numbers(&live), (1..=told).collect::<Vec<_>>(), "seed {seed}");
        assert!(
            live.iter().all(|update| &*update.job == "job" && update.at_ms > 1_700_000_000_000)
        );
        let falls = live.windows(2).find(|pair| pair[0].fraction > pair[1].fraction);
        assert!(falls.is_none(), "seed {seed}: {falls:?}");
        let rest = |updates: Updates| updates.collect::<Vec<_>>().now_or_never().unwrap();
        slowly.extend(rest(slow));
        assert_eq!(slowly, live, "seed {seed}");
        for reader in broken {
            let mut seen = reader.seen;
            seen.extend(rest(reader.updates));
            assert_eq!(seen, live, "seed {seed}");
        }
        for number in 0..=told {
            assert_eq!(rest(feed.after(number)), live[number as usize..], "seed {seed}");
        }
        assert_eq!(rest(feed.after(u64::MAX)), []);
    }
}

#[test]
fn a_slow_reader_gets_the_state_and_then_what_follows() {
    for seed in 0..200 {
        let random = &mut Random(seed);
        let capacity = 1 + random.below(20) as usize;
        let (progress, feed) = Progress::feed_with("job", capacity);
        let mut fast = feed.updates();
        let mut live = Vec::new();
        let mut slow = [0; 4].map(|_| (feed.updates(), Vec::new()));
        let mut broken = Reconnecting::new(&feed);
        for _ in 0..random.below(400) {
            random.tell(&progress);
            live.extend(read(&mut fast, usize::MAX));
            for (updates, seen) in &mut slow {
                seen.extend(read(updates, random.below(3) as usize));
            }
            if random.below(8) == 0 {
                broken.act(&feed, random);
            }
        }
        drop(progress);
        let told: HashMap<_, _> = live.iter().map(|update| (update.number, update)).collect();
        let newest: BTreeMap<_, _> = live
            .iter()
            .map(|update| ((update.event.stage, update.event.person_id), update))
            .collect();
        let mut state: Vec<_> = newest.values().map(|update| Arc::clone(update)).collect();
        state.sort_by_key(|update| update.number);
        assert_eq!(feed.state(), state, "seed {seed}");
        // The newest are kept for whoever comes later.
        let late: Vec<_> = feed.updates().collect().now_or_never().unwrap();
        assert!(late.ends_with(&live[live.len().saturating_sub(capacity)..]), "seed {seed}");
        let readers = slow.into_iter().chain([(broken.updates, broken.seen)]);
        for (updates, mut seen) in readers {
            seen.extend(updates.collect::<Vec<_>>().now_or_never().unwrap());
            assert!(numbers(&seen).is_sorted_by(|a, b| a < b), "seed {seed}: {seen:?}");
            assert!(seen.iter().all(|update| told[&update.number] == update), "seed {seed}");
            let seen: HashMap<_, _> = seen.iter().map(|update| (update.number, update)).collect();
            assert!(state.iter().all(|update| seen.contains_key(&update.number)), "seed {seed}");
        }
    }
}

#[test]
fn a_reader_that_was_overtaken_jumps_to_the_present() {
    let (progress, feed) = Progress::feed_with("job", 3);
    let mut reader = feed.updates();
    progress.tell(Stage::Detection, None, Step::Started);
    progress.tell(Stage::Detection, None, Step::Finished { ms: 3 });
    assert_eq!(numbers(&read(&mut reader, 1)), [1]);
    progress.tell(Stage::Video, Some(1), Step::Started);
    for done in 0..10 {
        progress.tell(Stage::Download, Some(0), Step::Bytes { done, total: None });
    }
    // 11, 12 and 13 are kept, and of the others the newest of each stage and person.
    assert_eq!(numbers(&feed.state()), [2, 3, 13]);
    assert_eq!(numbers(&read(&mut reader, usize::MAX)), [2, 3, 13]);
    // Whoever comes now gets all that is kept.
    assert_eq!(numbers(&read(&mut feed.updates(), usize::MAX)), [2, 3, 11, 12, 13]);
    assert_eq!(numbers(&read(&mut feed.after(2), usize::MAX)), [3, 11, 12, 13]);
    progress.tell(Stage::Video, Some(1), Step::Finished { ms: 9 });
    assert_eq!(numbers(&read(&mut reader, usize::MAX)), [14]);
    assert_eq!(feed.latest().unwrap().number, 14);
}

#[test]
fn a_hundred_slow_readers_cost_no_memory() {
    const KEPT: usize = 16;
    let (progress, feed) = Progress::feed_with("job", KEPT);
    let mut readers: Vec<_> = (0..100).map(|_| feed.updates()).collect();
    assert!(size_of::<Updates>() <= 64);
    let mut told: Vec<Weak<Update>> = Vec::new();
    for turn in 0..10_000 {
        progress.tell(Stage::Segmentation, Some(turn % 10), Step::Queued { ahead: turn });
        told.extend(feed.latest().map(|update| Arc::downgrade(&update)));
        if turn % 1000 == 0 {
            assert!(readers.iter_mut().all(|reader| read(reader, 1).len() == 1));
        }
    }
    let alive = told.iter().filter(|update| update.strong_count() > 0).count();
    assert_eq!(alive, KEPT);
    assert_eq!(feed.waiting(), 0);
    // Waiting costs a waker for each; readers that leave take theirs with them.
    for reader in &mut readers {
        read(reader, usize::MAX);
    }
    assert_eq!(feed.waiting(), readers.len());
    readers.truncate(7);
    assert_eq!(feed.waiting(), 7);
    drop(readers);
    assert_eq!(feed.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_on_other_threads_are_woken_and_end() {
    const TOLD: u64 = 20_000;
    let (progress, feed) = Progress::feed_with("job", 64);
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let updates = feed.updates();
            tokio::spawn(updates.map(|update| update.number).collect::<Vec<_>>())
        })
        .collect();
    let other = progress.clone();
    let tellers = [progress, other].map(|progress| {
        tokio::task::spawn_blocking(move || {
            for ahead in 0..TOLD as usize / 2 {
                progress.tell(Stage::Detection, None, Step::Queued { ahead });
            }
        })
    });
    for teller in tellers {
        teller.await.unwrap();
    }
    for reader in readers {
        let read = tokio::time::timeout(Duration::from_secs(60), reader).await;
        let seen = read.expect("a reader was not woken").unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b));
        assert_eq!(seen.last(), Some(&TOLD));
    }
}

#[test]
fn a_reader_waits_while_any_clone_of_the_progress_lives() {
    let (progress, feed) = Progress::feed("job");
    let mut reader = feed.clone().updates();
    let clone = progress.clone();
    drop(progress);
    assert!(reader.next().now_or_never().is_none());
    clone.tell(Stage::Photo, None, Step::Started);
    assert_eq!(reader.next().now_or_never().unwrap().unwrap().number, 1);
    assert!(reader.next().now_or_never().is_none());
    drop(clone);
    assert_eq!(reader.next().now_or_never(), Some(None));
    assert_eq!(reader.next().now_or_never(), Some(None));
}

#[test]
fn both_are_told_and_planned_and_the_channel_is_a_stream_of_events() {
    fn is_sent<T: Stream<Item = Event> + Send + Unpin + 'static>(_: &T) {}
    fn is_shared<T: Stream<Item = Arc<Update>> + Send + Unpin + 'static>(_: &T) {}
    let (first, events) = Progress::channel();
    is_sent(&events);
    let (second, feed) = Progress::feed("second");
    is_shared(&feed.updates());
    let third = Arc::new(Mutex::new(Vec::new()));
    let list = third.clone();
    let listener = Progress::new(move |event| list.lock().unwrap().push(event));
    let both = Progress::both(Progress::both(first, second), listener);
    both.plan(&[(Stage::Photo, 1), (Stage::Detection, 1)]);
    let work = || both.watch_blocking(Stage::Photo, None, || Ok::<_, Error>(()));
    work().unwrap();
    drop(both);
    let events: Vec<_> = events.collect().now_or_never().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(*third.lock().unwrap(), events);
    let updates: Vec<_> = feed.updates().collect().now_or_never().unwrap();
    assert!(updates.iter().map(|update| &update.event).eq(&events));
    assert_eq!((updates[0].fraction, updates[1].fraction), (0.0, 0.25));

    let nobody = || Progress::default();
    assert_eq!(format!("{:?}", Progress::both(nobody(), nobody())), "Progress(nobody)");
    let listener = Progress::both(nobody(), Progress::new(|_| {}));
    assert_eq!(format!("{listener:?}"), "Progress(listener)");
}

#[test]
fn measured_times_are_shared_by_the_requests_of_a_pipeline() {
    let estimates = Arc::new(Estimates::default());
    // A request that nobody watches teaches, too, and one that two watch teaches once.
    let nobody = Progress::default().with_estimates(estimates.clone());
    nobody.tell(Stage::Video, Some(0), Step::Finished { ms: 15_000 });
    assert_eq!(estimates.expected().seconds(Stage::Video), 30.0);
    let (first, feed) = Progress::feed("first");
    let (second, _) = Progress::feed("second");
    let both = Progress::both(first, second.with_estimates(estimates.clone()));
    let both = both.with_estimates(estimates.clone());
    both.tell(Stage::Video, Some(0), Step::Finished { ms: 15_000 });
    assert_eq!(estimates.expected().seconds(Stage::Video), 25.0);
    let (third, _) = Progress::feed("third");
    let one_knows = Progress::both(third, nobody);
    one_knows.tell(Stage::Download, Some(0), Step::Finished { ms: 1000 });
    assert_eq!(estimates.expected().seconds(Stage::Download), 2.0);
    // Failures teach nothing.
    both.tell(Stage::Video, Some(0), Step::Failed { code: Code::DIdTimeout });
    assert_eq!(estimates.expected().seconds(Stage::Video), 25.0);
    both.plan(&[(Stage::Video, 1), (Stage::Download, 1)]);
    both.tell(Stage::Video, Some(0), Step::Started);
    assert_eq!(feed.latest().unwrap().seconds_left, Some(27.0));
}
