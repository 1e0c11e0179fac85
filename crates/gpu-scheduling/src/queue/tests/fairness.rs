//! Shares of flows, priorities, ageing, and when exclusive runs start.

use std::collections::HashMap;

use super::*;

/// Runs `queue` for `steps` releases; `each` is called before
/// each release with the tickets granted, and tells which run how long.
fn run(
    queue: &mut Queue,
    steps: usize,
    mut each: impl FnMut(&mut Queue, Duration, &[(Ticket, usize)]) -> Vec<(Ticket, Duration)>,
) {
    let mut ends = Timeline::default();
    let mut now = Duration::ZERO;
    for _ in 0..steps {
        let granted = grants(queue);
        for (ticket, time) in each(queue, now, &granted) {
            ends.add(now + time, ticket);
        }
        if let Some((end, ticket)) = ends.pop() {
            now = end;
            queue.release(now, ticket, Outcome::Finished);
        }
    }
}

/// Backlogged flows, of which flow `i` always has requests waiting of class `i % 2` or of one
/// class. Returns the largest difference of device time between two flows, seen at any grant.
fn spread(devices: usize, flows: usize, same: bool) -> Duration {
    let policy = Policy { ageing: Duration::from_secs(1 << 30), ..Policy::standard() };
    let mut queue = Queue::new(policy, specs(devices)).unwrap();
    let times = [ms(20), ms(200)];
    let cost = [ms(10), ms(200)];
    let mut owner = HashMap::new();
    let mut served = vec![Duration::ZERO; flows];
    let mut worst = Duration::ZERO;
    let class = |flow: usize| if same { 1 } else { flow % 2 };
    // All flows begin to wait while every device is taken.
    let held: Vec<_> =
        (0..devices).map(|_| queue.submit(ms(0), ask(B, "first")).unwrap()).collect();
    grants(&mut queue);
    for round in 0..4 {
        for flow in 0..flows {
            let request = ask(ClassId(class(flow)), &format!("{flow}"));
            // Uneven depth must not matter.
            for _ in 0..1 + (flow + round) % 3 {
                owner.insert(queue.submit(ms(0), request.clone()).unwrap(), flow);
            }
        }
    }
    for ticket in held {
        queue.release(ms(0), ticket, Outcome::Unused);
    }
    run(&mut queue, 20_000, |queue, now, granted| {
        let mut ends = Vec::new();
        for (ticket, _) in granted {
            let flow = owner.remove(ticket).unwrap();
            served[flow] += cost[class(flow)];
            ends.push((*ticket, times[class(flow)]));
            let request = ask(ClassId(class(flow)), &format!("{flow}"));
            owner.insert(queue.submit(now, request).unwrap(), flow);
        }
        let least = served.iter().min().unwrap();
        let most = served.iter().max().unwrap();
        worst = worst.max(*most - *least);
        ends
    });
    assert!(served.iter().all(|s| *s > ms(1000)), "{served:?}");
    worst
}

#[test]
fn backlogged_flows_of_one_class_differ_by_one_run_at_most() {
    for devices in [1, 3, 8] {
        for flows in [2, 5, 20] {
            assert!(spread(devices, flows, true) <= ms(200), "{devices} devices, {flows} flows");
        }
    }
}

#[test]
fn flows_of_different_classes_get_the_same_device_time() {
    // One run of the longest class, and one elected ahead on the device.
    for flows in [2, 4, 8] {
        let worst = spread(1, flows, false);
        assert!(worst <= ms(400), "{flows} flows: {worst:?}");
    }
}

#[test]
fn a_flow_that_asks_much_does_not_delay_one_that_asks_little() {
    let mut queue = seed(1);
    for _ in 0..500 {
        queue.submit(ms(0), ask(B, "greedy")).unwrap();
    }
    let running = grants(&mut queue)[0].0;
    let modest = queue.submit(ms(1), ask(B, "modest")).unwrap();
    queue.release(ms(200), running, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(modest, 0)]);
}

#[test]
fn a_pause_saves_up_no_service_and_forgives_no_debt() {
    let mut queue = seed(1);
    let mut now = ms(0);
    let mut served = [0, 0];
    // `a` never has more than one request, and asks again only when it got an answer.
    let mut a = queue.submit(now, ask(B, "a")).unwrap();
    let mut b = queue.submit(now, ask(B, "b")).unwrap();
    for _ in 0..100 {
        let ticket = grants(&mut queue)[0].0;
        now += ms(200);
        queue.release(now, ticket, Outcome::Finished);
        if ticket == a {
            served[0] += 1;
            a = queue.submit(now, ask(B, "a")).unwrap();
        } else {
            served[1] += 1;
            b = queue.submit(now, ask(B, "b")).unwrap();
        }
    }
    assert_ne!(a, b);
    assert_eq!(served, [50, 50]);
}

#[test]
fn an_exclusive_run_waits_for_one_small_run_of_each_other_flow_at_most() {
    for flows in [1_usize, 3, 10] {
        let mut queue = seed(1);
        let mut rng = Rng::new(flows as u64);
        let mut owner = HashMap::new();
        for flow in (0..flows).chain(0..flows).chain(0..flows) {
            owner.insert(queue.submit(ms(0), ask(Y, &format!("{flow}"))).unwrap(), flow);
        }
        let mut exclusive: Option<(Ticket, usize)> = None;
        let mut seen = 0;
        run(&mut queue, 20_000, |queue, now, granted| {
            let mut ends = Vec::new();
            for (ticket, _) in granted {
                if let Some(flow) = owner.remove(ticket) {
                    ends.push((*ticket, ms(20)));
                    let request = ask(Y, &format!("{flow}"));
                    owner.insert(queue.submit(now, request).unwrap(), flow);
                    if let Some((_, before)) = &mut exclusive {
                        *before += 1;
                    }
                } else {
                    ends.push((*ticket, ms(200)));
                    let (_, before) = exclusive.take().unwrap();
                    assert!(before <= flows, "{before} runs of {flows} flows came before it");
                    seen += 1;
                }
            }
            if exclusive.is_none() && rng.chance(5) {
                exclusive = Some((queue.submit(now, ask(B, &format!("b{seen}"))).unwrap(), 0));
            }
            ends
        });
        assert!(seen > 200, "{seen}");
    }
}

#[test]
fn within_one_flow_nothing_that_came_later_starts_before_an_exclusive_run() {
    let mut queue = seed(1);
    let first = queue.submit(ms(0), ask(Y, "")).unwrap();
    let exclusive = queue.submit(ms(1), ask(B, "")).unwrap();
    let later = queue.submit(ms(2), ask(Y, "")).unwrap();
    assert_eq!(grants(&mut queue), [(first, 0)]);
    queue.release(ms(20), first, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(exclusive, 0)]);
    queue.release(ms(220), exclusive, Outcome::Finished);
    assert_eq!(grants(&mut queue), [(later, 0)]);
}

#[test]
fn priority_goes_first_and_ageing_ends_the_wait_of_a_low_one() {
    let mut queue = seed(1);
    let ask = |priority| Request { priority, ..ask(B, "") };
    let mut running = queue.submit(ms(0), ask(Priority::Normal)).unwrap();
    let low = queue.submit(ms(1), ask(Priority::Low)).unwrap();
    grants(&mut queue);
    let mut now = ms(0);
    // High ones keep coming; the low one stands beside normal ones after 10 s and beside high ones
    // after 20 s, and is then the oldest.
    let mut before = 0;
    loop {
        let high = queue.submit(now, ask(Priority::High)).unwrap();
        now += ms(200);
        queue.release(now, running, Outcome::Finished);
        let next = grants(&mut queue)[0].0;
        if next == low {
            break;
        }
        assert_eq!(next, high);
        running = next;
        before += 1;
    }
    assert!((98..=102).contains(&before), "{before} runs of 200 ms until it is 20 s old");
}

#[test]
fn in_an_overload_that_lasts_a_modest_flow_does_not_wait_behind_aged_requests() {
    let policy = Policy { waiting_per_flow: 1000, ..Policy::standard() };
    let mut queue = Queue::new(policy, specs(1)).unwrap();
    for _ in 0..1000 {
        queue.submit(ms(0), ask(B, "greedy")).unwrap();
    }
    let mut running = grants(&mut queue)[0].0;
    let mut now = ms(0);
    for round in 0..500 {
        // All of the greedy flow's requests have waited longer than ageing takes, at last.
        let modest = (round % 10 == 0).then(|| queue.submit(now, ask(B, "modest")).unwrap());
        now += ms(200);
        queue.release(now, running, Outcome::Finished);
        running = grants(&mut queue)[0].0;
        assert!(modest.is_none_or(|t| t == running), "round {round}");
    }
}
