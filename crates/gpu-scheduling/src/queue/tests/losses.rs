//! What a run that takes devices or memory with it may cost.

use super::*;

const LOST: Outcome = Outcome::DeviceLost { retry: true };

#[test]
fn a_job_costs_two_devices_at_most() {
    let mut queue = seed(4);
    let bad = queue.submit(ms(0), ask(B, "")).unwrap();
    assert_eq!(grants(&mut queue), [(bad, 0)]);
    assert_eq!(queue.release(ms(1), bad, LOST), Released::Again);
    assert_eq!(grants(&mut queue), [(bad, 1)]);
    assert_eq!(queue.release(ms(2), bad, LOST), Released::Done, "two devices are left");
    let states: Vec<_> = queue.snapshot(ms(2)).devices.iter().map(|d| d.state).collect();
    let (up, lost) = (DeviceState::Up, DeviceState::Lost);
    assert_eq!(states, [lost, lost, up, up]);
    let good = queue.submit(ms(3), ask(B, "")).unwrap();
    assert_eq!(grants(&mut queue), [(good, 2)]);
}

#[test]
fn after_a_run_out_of_memory_fewer_of_its_class_are_granted_for_a_while() {
    let mut queue = Queue::new(Policy::by_memory(), specs(1)).unwrap();
    let pause = queue.policy().out_of_memory_pause;
    let mut asked: VecDeque<_> = (0..8).map(|_| queue.submit(ms(0), ask(Y, "")).unwrap()).collect();
    assert_eq!(grants(&mut queue).len(), 8);
    let gone = Outcome::OutOfMemory { retry: false };
    queue.release(ms(1), asked.pop_front().unwrap(), gone);
    let first = asked.len();
    asked.extend((0..12).map(|_| queue.submit(ms(2), ask(Y, "")).unwrap()));
    let (mut running, mut most) = (first, 0);
    for i in 0..12 {
        queue.release(ms(3 + i), asked.pop_front().unwrap(), Outcome::Finished);
        running -= 1;
        running += grants(&mut queue).len();
        if i > 3 {
            most = most.max(running);
        }
    }
    assert_eq!(most, 4, "half of the eight that ran");
    asked.extend((0..8).map(|_| queue.submit(ms(20), ask(Y, "")).unwrap()));
    assert_eq!(grants(&mut queue), []);
    queue.tick(pause + ms(1));
    assert_eq!(grants(&mut queue).len(), 4, "eight together when the pause is over");
}

#[test]
fn devices_that_do_not_open_are_not_the_jobs_fault() {
    let mut queue = seed(4);
    let job = queue.submit(ms(0), ask(B, "")).unwrap();
    for device in 0..3 {
        assert_eq!(grants(&mut queue), [(job, device)]);
        let outcome = Outcome::Unopened { retry: true };
        assert_eq!(queue.release(ms(1), job, outcome), Released::Again);
    }
    assert_eq!(grants(&mut queue), [(job, 3)]);
    queue.release(ms(2), job, Outcome::Finished);
    queue.assert_drained();
}
