//! Whether the queue's books agree with each other.

use super::*;

impl Queue {
    /// Panics where two books disagree, or something waits that could start.
    pub(super) fn audit(&self) {
        let n = self.policy.classes.len();
        let mut waiting: Vec<_> = self.flows.audit();
        waiting.sort_unstable();
        let mut expected = Vec::new();
        let mut counts = vec![0; n];
        let mut running = vec![vec![0; self.demands.len()]; self.devices.len()];
        let (mut deadlines, mut ageing) = (BTreeSet::new(), BTreeSet::new());
        for (ticket, job) in &self.jobs {
            match job.stage {
                Stage::Waiting { rank } => expected.push((*ticket, job.demand, rank.index())),
                Stage::Pending => assert!(self.pending[job.demand].contains(ticket)),
                Stage::Running { device, .. } => running[device][job.demand] += 1,
            }
            if !matches!(job.stage, Stage::Running { .. }) {
                counts[self.demands[job.demand].class] += 1;
                deadlines.extend(job.deadline.map(|d| (d, *ticket)));
                ageing.extend(job.ages.map(|d| (d, *ticket)));
            }
        }
        expected.sort_unstable();
        assert_eq!(waiting, expected, "the flows hold what waits");
        assert_eq!(self.deadlines, deadlines);
        assert_eq!(self.ageing, ageing);
        let of_class: Vec<_> = self.classes.iter().map(|c| c.waiting).collect();
        assert_eq!(of_class, counts);
        assert_eq!(self.waiting, counts.iter().sum::<usize>());
        for (d, device) in self.devices.iter().enumerate() {
            assert_eq!(device.running, running[d]);
            assert_eq!(device.total, running[d].iter().sum::<u32>());
            let used: u64 = (0..self.demands.len())
                .map(|i| u64::from(running[d][i]) * self.demands[i].memory)
                .sum();
            assert_eq!(device.used, used);
            assert!(device.total > 0 || device.outstanding == 0);
        }
        for demand in 0..self.demands.len() {
            let reserved = self.devices.iter().filter(|d| d.reserved == Some(demand)).count();
            assert_eq!(reserved, self.pending[demand].len(), "one reservation each");
            let anything = reserved > 0
                || self
                    .jobs
                    .values()
                    .any(|j| j.demand == demand && matches!(j.stage, Stage::Waiting { .. }));
            if anything {
                let free = self.devices.iter().any(|d| d.fits(&self.demands, demand, self.now));
                assert!(!free, "something waits beside a device that is free for it");
            }
        }
        for class in 0..n {
            let blocked = self.devices.iter().filter(|d| d.blocked[class]).count();
            assert_eq!(self.classes[class].blocked, blocked);
        }
    }

    /// Panics unless all but the statistics is as in a new queue.
    pub(super) fn assert_drained(&self) {
        assert!(self.is_idle());
        self.audit();
        assert!(self.flows.is_reset(), "a flow is left: {:?}", self.flows);
        assert_eq!(self.waiting, 0);
        assert!(self.places.is_empty(), "a place leaked: {:?}", self.places);
        assert!(self.events.is_empty());
        for device in &self.devices {
            assert_eq!((device.total, device.used, device.outstanding), (0, 0, 0));
            assert_eq!(device.reserved, None);
            assert!(!device.blocked.contains(&true));
        }
    }
}
