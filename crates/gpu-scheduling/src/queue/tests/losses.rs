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
