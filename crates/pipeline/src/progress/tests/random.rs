//! Events by chance, the same ones in every run.

use crate::error::Code;
use crate::progress::event::Step;
use crate::progress::progress::Progress;
use crate::stage::Stage;

/// Random numbers (splitmix64) from a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub(super) fn tell(&mut self, progress: &Progress) {
        let stage = Stage::ALL[self.below(10) as usize];
        let person = self.below(4).checked_sub(1).map(|person| person as usize);
        let step = match self.below(7) {
            0 => Step::Started,
            1 => Step::Queued { ahead: self.below(5) as usize },
            2 => Step::State { text: format!("state {}", self.below(3)) },
            3 => Step::Bytes { done: self.below(100), total: None },
            4 => Step::Persons { done: self.below(3) as usize, total: 2 },
            5 => Step::Finished { ms: self.below(5000) },
            _ => Step::Failed { code: Code::GpuOom },
        };
        if self.below(20) == 0 {
            progress.plan(&[(stage, self.below(4) as usize)]);
        }
        progress.tell(stage, person, step);
    }
}
