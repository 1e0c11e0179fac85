//! Single situations, among them those in which a scheduler of locks and sleeps fails.

use super::*;
use crate::{BIREFNET, Class, YOLO};

#[test]
fn a_holder_releases_while_an_exclusive_run_waits() {
    let mut queue = seed(1);
    let yolo = queue.submit(ms(0), ask(Y, "")).unwrap();
    let birefnet = queue.submit(ms(0), ask(B, "")).unwrap();
    assert_eq!(grants(&mut queue), [(yolo, 0)]);
    queue.release(ms(20), yolo, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(birefnet, 0)]);
    queue.release(ms(220), birefnet, Outcome::Finished);
    queue.assert_drained();
}

#[test]
fn two_small_runs_share_a_device_and_a_third_waits() {
    let mut queue = seed(1);
    let tickets: Vec<_> = (0..3).map(|_| queue.submit(ms(0), ask(Y, "")).unwrap()).collect();
    assert_eq!(grants(&mut queue), [(tickets[0], 0), (tickets[1], 0)]);
    queue.release(ms(5), tickets[1], Outcome::Finished);
    assert_eq!(grants(&mut queue), [(tickets[2], 0)]);
}

#[test]
fn a_hundred_acquirers_of_one_device_get_it_one_after_another() {
    let mut queue = seed(1);
    let tickets: Vec<_> = (0..100).map(|_| queue.submit(ms(0), ask(B, "")).unwrap()).collect();
    for (i, ticket) in tickets.iter().enumerate() {
        assert_eq!(grants(&mut queue), [(*ticket, 0)], "one holder, in order");
        queue.audit();
        queue.release(ms(200 * i as u64), *ticket, Outcome::Finished);
    }
    queue.assert_drained();
}

#[test]
fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let mut policy = Policy::standard();
    policy.waiting = 4;
    let mut queue = Queue::new(policy, specs(2)).unwrap();
    for _ in 0..6 {
        queue.submit(ms(0), ask(B, "")).unwrap();
    }
    let Err(Error::Full { retry_after, .. }) = queue.submit(ms(0), ask(B, "")) else { panic!() };
    // Two runs half done and four to come, 200 ms each, on two devices.
    assert_eq!(retry_after, ms(500));
    // The first run on a device may load the model and tells nothing; the next ones replace the
    // guess.
    for now in [ms(900), ms(950)] {
        for (ticket, _) in grants(&mut queue) {
            queue.release(now, ticket, Outcome::Finished);
            queue.submit(now, ask(B, "")).unwrap();
        }
    }
    let Err(Error::Full { retry_after, .. }) = queue.submit(ms(950), ask(B, "")) else { panic!() };
    assert_eq!(retry_after, ms(125));
}

#[test]
fn one_flow_cannot_fill_the_queue() {
    let mut policy = Policy::standard();
    policy.waiting_per_flow = 2;
    let mut queue = Queue::new(policy, specs(1)).unwrap();
    for _ in 0..3 {
        queue.submit(ms(0), ask(B, "greedy")).unwrap();
    }
    assert!(matches!(queue.submit(ms(0), ask(B, "greedy")), Err(Error::Full { .. })));
    assert!(queue.submit(ms(0), ask(B, "modest")).is_ok());
}

#[test]
fn a_waiter_past_its_deadline_leaves_and_never_runs() {
    let mut queue = seed(1);
    let holder = queue.submit(ms(0), ask(B, "")).unwrap();
    let deadline = Some(ms(100));
    let late = queue.submit(ms(0), Request { deadline, ..ask(B, "") }).unwrap();
    grants(&mut queue);
    queue.tick(ms(99));
    assert_eq!(queue.next_event(), None);
    queue.tick(ms(100));
    assert_eq!(queue.next_event(), Some(Event::Expired(late)));
    assert!(!queue.cancel(ms(100), late));
    queue.release(ms(200), holder, Outcome::Finished);
    assert_eq!(queue.next_event(), None);
    queue.assert_drained();
    let deadline = Some(ms(199));
    let refused = queue.submit(ms(200), Request { deadline, ..ask(B, "") });
    assert!(matches!(refused, Err(Error::Deadline { .. })));
}

#[test]
fn cancelling_an_elected_run_frees_its_device_for_others() {
    let mut queue = seed(1);
    let first = queue.submit(ms(0), ask(Y, "")).unwrap();
    let exclusive = queue.submit(ms(0), ask(B, "")).unwrap();
    let second = queue.submit(ms(0), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [(first, 0)]);
    assert_eq!(queue.snapshot(ms(1)).devices[0].reserved_for.as_deref(), Some(BIREFNET));
    assert!(queue.cancel(ms(1), exclusive));
    assert_eq!(grants(&mut queue), [(second, 0)], "no need to wait any more");
    queue.audit();
}

#[test]
fn an_elected_run_takes_whichever_device_is_free_first() {
    let mut queue = seed(2);
    let a = queue.submit(ms(0), ask(B, "")).unwrap();
    let b = queue.submit(ms(0), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [(a, 0), (b, 1)]);
    let exclusive = queue.submit(ms(1), ask(B, "")).unwrap();
    queue.release(ms(2), a, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(exclusive, 0)]);
    assert_eq!(queue.snapshot(ms(2)).devices[1].reserved_for, None);
    queue.audit();
}

#[test]
fn work_goes_where_the_model_is_and_else_where_least_is_to_do() {
    let mut queue = seed(2);
    let first = queue.submit(ms(0), ask(B, "")).unwrap();
    let second = queue.submit(ms(0), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [(first, 0), (second, 1)]);
    queue.release(ms(1), first, Outcome::Finished);
    queue.release(ms(2), second, Outcome::Finished);
    for round in 0..5 {
        let now = ms(10 + round);
        let yolo = queue.submit(now, ask(Y, "")).unwrap();
        assert_eq!(grants(&mut queue), [(yolo, 1)], "device 1 holds its model");
        queue.release(now, yolo, Outcome::Finished);
    }
}

#[test]
fn a_warm_device_takes_more_work_before_a_cold_one_is_loaded() {
    let mut queue = Queue::new(Policy::by_memory(), specs(2)).unwrap();
    queue.set_resident(DeviceId(1), true);
    let asked: Vec<_> = (0..4).map(|_| queue.submit(ms(0), ask(B, "")).unwrap()).collect();
    let here: Vec<_> = asked.iter().map(|t| (*t, 1)).collect();
    assert_eq!(grants(&mut queue), here, "0.8 s of work are less than 2 s to load");
    queue.set_resident(DeviceId(0), true);
    let more: Vec<_> = (0..3).map(|_| queue.submit(ms(0), ask(Y, "")).unwrap()).collect();
    let there: Vec<_> = more.iter().map(|t| (*t, 0)).collect();
    assert_eq!(grants(&mut queue), there, "both hold the models: where least is to do");
}

#[test]
fn within_a_flow_age_counts_also_beside_another_flow_of_the_same_service() {
    let mut queue = seed(1);
    let ageing = queue.policy().ageing;
    let holder = queue.submit(ms(0), ask(B, "holder")).unwrap();
    // Both flows have had nothing, and `early` is the older one.
    let low = Priority::Low;
    let other = queue.submit(ms(1), Request { priority: low, ..ask(B, "early") }).unwrap();
    let old = queue.submit(ms(1), Request { priority: low, ..ask(B, "late") }).unwrap();
    // Age lifts these two only; what comes now stands on the lane that they have reached.
    queue.tick(ms(2) + ageing);
    let young = queue.submit(ms(2) + ageing, ask(B, "late")).unwrap();
    let youngest = queue.submit(ms(2) + ageing, ask(B, "early")).unwrap();
    grants(&mut queue);
    let mut now = ms(3) + ageing;
    let mut order = Vec::new();
    let mut running = holder;
    for _ in 0..4 {
        now += ms(1);
        queue.release(now, running, Outcome::Finished);
        running = grants(&mut queue)[0].0;
        order.push(running);
    }
    let place = |ticket| order.iter().position(|t| *t == ticket).unwrap();
    assert!(place(old) < place(young) && place(other) < place(youngest), "{order:?}");
}

#[test]
fn with_memory_told_more_runs_where_the_card_has_room() {
    let policy = Policy::by_memory();
    let mut queue = Queue::new(policy, vec![DeviceSpec::new("cuda:0", 9 << 30)]).unwrap();
    for class in [B, Y, B, Y, Y] {
        queue.submit(ms(0), ask(class, "")).unwrap();
    }
    assert_eq!(grants(&mut queue).len(), 4, "two of 4 GiB and two of 0.5 GiB");
    assert_eq!(queue.snapshot(ms(0)).devices[0].memory_leased, 9 << 30);

    let policy = Policy::by_memory().with_peak(BIREFNET, 2 << 30);
    let mut queue = Queue::new(policy, vec![DeviceSpec::new("cuda:0", 9 << 30)]).unwrap();
    for _ in 0..5 {
        queue.submit(ms(0), ask(B, "")).unwrap();
    }
    assert_eq!(grants(&mut queue).len(), 4);
}

#[test]
fn a_measured_peak_replaces_what_was_assumed_and_nothing_else() {
    let memory = |policy: &Policy| policy.classes.iter().map(|c| c.memory).collect::<Vec<_>>();
    let measured = |policy: Policy| {
        policy
            .with_measured_peak(YOLO, 7)
            .with_measured_peak(BIREFNET, 9)
            .with_measured_peak("x", 1)
    };
    assert_eq!(memory(&measured(Policy::by_memory())), [7, 9]);
    assert_eq!(memory(&measured(Policy::by_memory().with_peak(YOLO, 5))), [5, 9]);
    assert_eq!(
        memory(&measured(measured(Policy::by_memory()).with_measured_peak(YOLO, 1))),
        [7, 9]
    );
    assert_eq!(memory(&measured(Policy::standard())), [0, 0], "it does not go by memory");
}

#[test]
fn a_large_run_is_not_starved_by_small_ones_that_fit() {
    let devices = vec![DeviceSpec::new("cuda:0", 5 << 30)];
    let mut queue = Queue::new(Policy::by_memory(), devices).unwrap();
    let mut small: VecDeque<_> =
        (0..8).map(|_| queue.submit(ms(0), ask(Y, "small")).unwrap()).collect();
    grants(&mut queue);
    let large = queue.submit(ms(1), ask(B, "large")).unwrap();
    for i in 2..12 {
        let ticket = small.pop_front().unwrap();
        queue.release(ms(i), ticket, Outcome::Finished);
        small.push_back(queue.submit(ms(i), ask(Y, "small")).unwrap());
        let granted = grants(&mut queue);
        if granted.iter().any(|(t, _)| *t == large) {
            assert!(i <= 9, "when 8 runs have left, 4 GiB of 5 are free");
            return;
        }
    }
    panic!("starved");
}

#[test]
fn out_of_memory_halves_the_class_for_a_while_and_retries_alone() {
    let mut queue = Queue::new(Policy::by_memory(), specs(1)).unwrap();
    let tickets: Vec<_> = (0..4).map(|_| queue.submit(ms(0), ask(Y, "")).unwrap()).collect();
    assert_eq!(grants(&mut queue).len(), 4);
    let outcome = Outcome::OutOfMemory { retry: true };
    assert_eq!(queue.release(ms(1), tickets[0], outcome), Released::Again);
    assert_eq!(queue.snapshot(ms(1)).devices[0].classes[0].slots, 2, "half of the four that ran");
    for ticket in &tickets[1..] {
        assert_eq!(grants(&mut queue), [], "it waits to be alone");
        queue.release(ms(2), *ticket, Outcome::Finished);
    }
    assert_eq!(grants(&mut queue), [(tickets[0], 0)]);
    let beside = queue.submit(ms(3), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [], "nothing runs beside it");
    assert_eq!(queue.release(ms(4), tickets[0], outcome), Released::Done, "once is enough");
    assert_eq!(grants(&mut queue), [(beside, 0)]);
    let later = ms(5) + queue.policy().out_of_memory_pause;
    assert_eq!(queue.snapshot(later).devices[0].classes[0].slots, 8);
}

#[test]
fn a_lost_device_hands_its_work_to_the_others() {
    let mut queue = seed(2);
    let a = queue.submit(ms(0), ask(B, "")).unwrap();
    let b = queue.submit(ms(0), ask(B, "")).unwrap();
    grants(&mut queue);
    let lost = Outcome::DeviceLost { retry: true };
    assert_eq!(queue.release(ms(1), a, lost), Released::Again);
    assert_eq!(grants(&mut queue), []);
    queue.release(ms(2), b, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(a, 1)]);
    let waiting = queue.submit(ms(3), ask(Y, "")).unwrap();
    assert_eq!(queue.release(ms(4), a, lost), Released::Done, "no device is left");
    assert_eq!(queue.next_event(), Some(Event::NoDevice(waiting)));
    assert!(matches!(queue.submit(ms(5), ask(Y, "")), Err(Error::NoDevice { .. })));
    queue.set_state(ms(6), DeviceId(0), DeviceState::Up);
    let again = queue.submit(ms(7), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [(again, 0)]);
}

#[test]
fn contention_counts_only_waits_that_other_classes_cause() {
    let mut queue = seed(1);
    let yolo = queue.submit(ms(0), ask(Y, "")).unwrap();
    let one = queue.submit(ms(0), ask(B, "")).unwrap();
    let two = queue.submit(ms(0), ask(B, "")).unwrap();
    queue.release(ms(20), yolo, Outcome::Finished);
    queue.release(ms(220), one, Outcome::Finished);
    queue.release(ms(420), two, Outcome::Finished);
    let snapshot = queue.snapshot(ms(840));
    assert_eq!(snapshot.classes[B.0].counts.contended, ms(20), "one device kept one of the two");
    assert_eq!(snapshot.classes[B.0].counts.waited, ms(240));
    assert_eq!(snapshot.classes[B.0].counts.longest_wait, ms(220));
    assert_eq!(snapshot.classes[Y.0].counts.contended, ms(0));
    assert_eq!(snapshot.devices[0].busy, ms(420));
    assert!((snapshot.devices[0].busy_fraction - 0.5).abs() < 1e-9);
}

#[test]
fn a_policy_that_cannot_work_is_refused() {
    let refused = |policy, devices| matches!(Queue::new(policy, devices), Err(Error::Policy(_)));
    assert!(refused(Policy::standard(), vec![]));
    assert!(refused(Policy::new(vec![]), specs(1)));
    assert!(refused(Policy::by_memory(), vec![DeviceSpec::new("small", 1 << 30)]));
    let twice = Class::shared("a", 1, 0);
    assert!(refused(Policy::new(vec![twice.clone(), twice]), specs(1)));
    assert!(refused(Policy::new(vec![Class::shared("a", 0, 0)]), specs(1)));
}
