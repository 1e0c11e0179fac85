//! What the queue remembers of flows, and how flows of different priorities get on.

use super::*;

/// Each request is a flow of its own, as by default each photo is, and the devices are never idle.
#[test]
fn a_hundred_thousand_flows_that_come_and_go_leave_nothing_behind() {
    let mut queue = seed(2);
    let mut running = VecDeque::new();
    for i in 0..100_000_u64 {
        queue.submit(ms(i), ask(ClassId((i % 3 / 2) as usize), &i.to_string())).unwrap();
        running.extend(grants(&mut queue));
        while running.len() > 1 {
            let (ticket, _) = running.pop_front().unwrap();
            queue.release(ms(i), ticket, Outcome::Finished);
            running.extend(grants(&mut queue));
        }
        assert!(!queue.is_idle());
        assert!(queue.flows.len() <= 2 * queue.jobs.len() + 65, "{} flows", queue.flows.len());
    }
}

/// The second request of a photo is not put off for ever by photos that come new.
#[test]
fn a_second_request_is_served_however_many_new_flows_come() {
    let mut queue = seed(1);
    queue.set_resident(DeviceId(0), true);
    queue.submit(ms(0), ask(B, "pair")).unwrap();
    let second = queue.submit(ms(0), ask(B, "pair")).unwrap();
    for i in 0..10 {
        queue.submit(ms(0), ask(B, &i.to_string())).unwrap();
    }
    for i in 10..200 {
        let (ticket, _) = grants(&mut queue)[0];
        if ticket == second {
            // One round of the twelve, and those that rest until now moves on.
            assert!(i <= 10 + 2 * 12 + 65, "after {i}");
            return;
        }
        queue.submit(ms(200 * (i - 10)), ask(B, &i.to_string())).unwrap();
        queue.release(ms(200 * (i - 9)), ticket, Outcome::Finished);
    }
    panic!("never served");
}

#[test]
fn bulk_work_that_age_has_lifted_does_not_catch_up_on_what_it_missed() {
    let mut queue = seed(1);
    let ask = |priority, flow| Request { priority, ..ask(B, flow) };
    let mut now = ms(0);
    let mut running = queue.submit(now, ask(Priority::High, "screen")).unwrap();
    let bulk: Vec<_> =
        (0..200).map(|_| queue.submit(now, ask(Priority::Low, "bulk")).unwrap()).collect();
    grants(&mut queue);
    let (mut shares, mut longest, mut in_a_row) = ([0_u32, 0], 0, 0);
    // One request of the screen always waits. After 20 s the bulk stands beside it, not above it.
    let mut next = queue.submit(now, ask(Priority::High, "screen")).unwrap();
    for _ in 0..300 {
        now += ms(200);
        queue.release(now, running, Outcome::Finished);
        running = grants(&mut queue)[0].0;
        if running == next {
            next = queue.submit(now, ask(Priority::High, "screen")).unwrap();
            in_a_row = 0;
        } else {
            assert!(bulk.contains(&running));
            in_a_row += 1;
            longest = longest.max(in_a_row);
        }
        if now > ms(20_500) {
            shares[usize::from(in_a_row > 0)] += 1;
        }
    }
    assert!(longest <= 1, "{longest} bulk runs before one that somebody waits for");
    assert!(shares[0].abs_diff(shares[1]) <= 2, "and from then on they share: {shares:?}");
}
