//! Bounds on what waits, and times at the edges.

use super::*;

fn policy(waiting: usize, waiting_per_flow: usize) -> Policy {
    Policy { waiting, waiting_per_flow, ..Policy::standard() }
}

#[test]
fn what_starts_at_once_needs_no_room_in_its_flow() {
    let mut queue = Queue::new(policy(10, 0), specs(1)).unwrap();
    assert!(queue.submit(ms(0), ask(B, "flow")).is_ok(), "the device is idle");
    assert!(matches!(queue.submit(ms(0), ask(B, "flow")), Err(Error::Full { .. })));
}

#[test]
fn now_or_never_is_now_on_an_idle_device() {
    let mut queue = seed(1);
    let now = Some(ms(5));
    let first = queue.submit(ms(5), Request { deadline: now, ..ask(B, "") }).unwrap();
    assert_eq!(grants(&mut queue), [(first, 0)]);
    assert!(queue.begin(ms(6), first), "nothing was before it");
    let never = queue.submit(ms(5), Request { deadline: now, ..ask(B, "") });
    assert!(matches!(never, Err(Error::Deadline { .. })));
    queue.release(ms(7), first, Outcome::Finished);
    let late = queue.submit(ms(7), Request { deadline: now, ..ask(B, "") });
    assert!(matches!(late, Err(Error::Deadline { .. })));
}

#[test]
fn who_waits_at_a_devices_door_past_its_deadline_does_not_run() {
    let mut queue = Queue::new(Policy::by_memory(), specs(1)).unwrap().one_at_a_time();
    let deadline = Some(ms(100));
    let asked: Vec<_> =
        (0..3).map(|_| queue.submit(ms(0), Request { deadline, ..ask(B, "") }).unwrap()).collect();
    assert_eq!(grants(&mut queue).len(), 3);
    assert!(queue.begin(ms(0), asked[0]));
    queue.release(ms(90), asked[0], Outcome::Finished);
    assert!(queue.begin(ms(90), asked[1]), "its deadline is for its start");
    queue.release(ms(180), asked[1], Outcome::Finished);
    assert!(!queue.begin(ms(180), asked[2]));
    queue.release(ms(180), asked[2], Outcome::Late);
    let class = &queue.snapshot(ms(180)).classes[B.0];
    assert_eq!((class.counts.expired, class.counts.ran), (1, ms(180)));
    assert_eq!(class.expected_run_time, ms(90), "without its wait at the door");
    queue.assert_drained();
}

#[test]
fn leases_beside_each_other_tell_the_time_of_a_run_and_not_of_their_wait() {
    let mut queue = Queue::new(Policy::by_memory(), specs(1)).unwrap().one_at_a_time();
    queue.set_resident(DeviceId(0), true);
    let asked: Vec<_> = (0..8).map(|_| queue.submit(ms(0), ask(B, "")).unwrap()).collect();
    for (i, ticket) in asked[..4].iter().enumerate() {
        let begin = 200 * i as u64;
        queue.begin(ms(begin), *ticket);
        queue.release(ms(begin + 200), *ticket, Outcome::Finished);
    }
    // Four wait at the door, half done in the mean, and none waits in the queue.
    assert_eq!(queue.snapshot(ms(800)).classes[B.0].expected_run_time, ms(200));
    assert_eq!(queue.expected_wait(B), ms(400));
}

#[test]
fn no_time_is_too_long() {
    let mut policy = Policy { ageing: Duration::MAX, ..Policy::by_memory() };
    policy.out_of_memory_pause = Duration::MAX;
    let mut queue = Queue::new(policy, specs(1)).unwrap();
    let deadline = Some(Duration::MAX);
    let asked: Vec<_> =
        (0..6).map(|_| queue.submit(ms(1), Request { deadline, ..ask(B, "") }).unwrap()).collect();
    queue.release(ms(2), asked[0], Outcome::OutOfMemory { retry: false });
    for ticket in &asked[1..] {
        queue.release(ms(3), *ticket, Outcome::Finished);
    }
    grants(&mut queue);
    queue.assert_drained();
}

#[test]
fn places_count_against_the_bounds_and_are_kept() {
    let mut queue = Queue::new(policy(2, 2), specs(1)).unwrap();
    let flow = |name: &str| Arc::<str>::from(name);
    queue.submit(ms(0), ask(B, "")).unwrap();
    queue.reserve(ms(0), B, &flow("a")).unwrap();
    queue.reserve(ms(0), B, &flow("b")).unwrap();
    let error = queue.reserve(ms(0), B, &flow("c")).unwrap_err();
    // One run half done and two that are still being prepared.
    assert!(matches!(error, Error::Full { retry_after, .. } if retry_after == ms(500)), "{error}");
    assert!(matches!(queue.submit(ms(0), ask(B, "c")), Err(Error::Full { .. })));
    let kept = queue.submit_in_place(ms(0), ask(B, "a")).unwrap();
    assert!(matches!(queue.reserve(ms(0), B, &flow("c")), Err(Error::Full { .. })));
    queue.give_up(B, "b");
    queue.reserve(ms(0), B, &flow("c")).unwrap();
    queue.give_up(B, "c");
    assert!(queue.cancel(ms(1), kept));
    assert_eq!(queue.snapshot(ms(1)).classes[B.0].counts.refused, 3);
}

#[test]
fn idle_devices_take_more_places_than_may_wait() {
    let mut queue = Queue::new(policy(0, 0), specs(3)).unwrap();
    for i in 0..3 {
        queue.reserve(ms(0), B, &Arc::from(format!("{i}"))).unwrap();
    }
    assert!(queue.reserve(ms(0), B, &Arc::from("3")).is_err());
    for i in 0..3 {
        queue.submit_in_place(ms(0), ask(B, &format!("{i}"))).unwrap();
    }
    assert_eq!(grants(&mut queue).len(), 3);
}

#[test]
fn a_flow_with_a_thousand_requests_leaves_room_for_anothers_first() {
    let mut queue = seed(1);
    let Policy { waiting, waiting_per_flow, .. } = *queue.policy();
    assert!(waiting_per_flow < waiting, "the default bounds one flow");
    let mut admitted = 0;
    for _ in 0..1000 {
        match queue.submit(ms(0), ask(B, "many")) {
            Ok(_) => admitted += 1,
            Err(error) => assert!(matches!(error, Error::Full { .. }), "{error}"),
        }
    }
    assert_eq!(admitted, waiting_per_flow + 1, "one runs and the others wait");

    let first = queue.submit(ms(1), ask(B, "another")).unwrap();
    let mut runs = 0;
    let mut now = ms(1);
    while let [(granted, _)] = grants(&mut queue)[..]
        && granted != first
    {
        runs += 1;
        now += ms(200);
        queue.release(now, granted, Outcome::Finished);
    }
    assert!(runs <= 2, "after what ran and one more, not after {runs} runs");
    assert!(!queue.cancel(now, first), "it was granted");
}
