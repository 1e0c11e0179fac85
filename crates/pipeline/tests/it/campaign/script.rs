//! What one run of the campaign goes through, made of a number.

use super::faults::{ENDINGS, KINDS, ROUTES};
use portrait_d_id_fake::{Ending, Fault, ListOrder, Outcome, Route};
use std::time::Duration;

/// One fault: the kind's number, where, and how many requests in a row it strikes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strike {
    pub(super) kind: usize,
    pub(super) route: Route,
    pub(super) times: u32,
}

impl Strike {
    pub(super) fn fault(self) -> Fault {
        (KINDS[self.kind].make)().times(self.times)
    }

    pub(super) fn name(self) -> &'static str {
        KINDS[self.kind].name
    }
}

/// For as long as the phase lasts.
pub(super) const ALWAYS: u32 = 10_000;

#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) strikes: Vec<Strike>,
    /// The number of an ending, 0 for `done`.
    pub(super) ending: usize,
    /// After how many polls of its future each run of the program dies, and how long the next
    /// waits to begin.
    pub(super) deaths: Vec<(u64, Duration)>,
    /// Whether the last run resumes before it asks anew.
    pub(super) resumes: bool,
    pub(super) audio: bool,
    pub(super) s3: bool,
    pub(super) list_order: ListOrder,
}

impl Script {
    pub(super) fn plain() -> Script {
        Script {
            strikes: Vec::new(),
            ending: 0,
            deaths: Vec::new(),
            resumes: false,
            audio: false,
            s3: true,
            list_order: ListOrder::NewestFirst,
        }
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        let ending = match ENDINGS[self.ending] {
            "done" => return None,
            "rejected" => Ending::Rejected,
            kind => Ending::Error { kind: kind.into(), description: "scripted".into() },
        };
        Some(Outcome { through: vec!["pondering".into()], ending })
    }

    /// A script with this many faults and deaths, the same for the same number.
    pub(super) fn random(seed: u64, strikes: usize, deaths: usize) -> Script {
        let mut dice = Dice(seed);
        let audio = dice.roll(2) == 0;
        Script {
            strikes: (0..strikes).map(|_| strike(&mut dice, audio)).collect(),
            ending: if dice.roll(8) == 0 { dice.roll(ENDINGS.len() as u64) as usize } else { 0 },
            deaths: (0..deaths)
                .map(|_| {
                    (dice.roll(45), Duration::from_secs([0, 5, 30, 61, 200][dice.roll(5) as usize]))
                })
                .collect(),
            resumes: dice.roll(2) == 0,
            audio,
            s3: dice.roll(2) == 0,
            list_order: if dice.roll(2) == 0 {
                ListOrder::NewestFirst
            } else {
                ListOrder::OldestFirst
            },
        }
    }
}

fn strike(dice: &mut Dice, audio: bool) -> Strike {
    loop {
        let kind = dice.roll(KINDS.len() as u64) as usize;
        let route = ROUTES[dice.roll(ROUTES.len() as u64) as usize];
        if KINDS[kind].applies(route) && (audio || route != Route::UploadAudio) {
            let times = [1, 2, 4, ALWAYS][dice.roll(4) as usize];
            return Strike { kind, route, times: bounded(kind, times) };
        }
    }
}

/// D-ID's list is taken to show a talk within the client's minute: five of its six looks may miss.
pub(super) fn bounded(kind: usize, times: u32) -> u32 {
    if KINDS[kind].name.starts_with("list") { times.min(4) } else { times }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}
