//! Priority and age of what waits.

use crate::policy::Priority;

/// A priority together with the one that age has lifted it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(usize);

/// Ranks there are.
pub(super) const RANKS: usize = 6;

/// Priorities there are.
pub(super) const LEVELS: usize = 3;

/// Of each rank, its own level and the one it has been lifted to.
const TABLE: [(usize, usize); RANKS] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

impl Rank {
    /// Where what is to start as soon as possible waits.
    pub(super) const TOP: Self = Self(RANKS - 1);

    pub(super) fn new(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self(0),
            Priority::Normal => Self(3),
            Priority::High => Self::TOP,
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..RANKS).map(Self)
    }

    pub(super) const fn index(self) -> usize {
        self.0
    }

    /// The level asked for.
    pub(super) const fn level(self) -> usize {
        TABLE[self.0].0
    }

    /// The highest level this may compete in.
    pub(super) const fn lifted(self) -> usize {
        TABLE[self.0].1
    }

    /// One level older, until it is at the top.
    pub(super) fn older(self) -> Option<Self> {
        (self.lifted() + 1 < LEVELS).then(|| Self(self.0 + 1))
    }
}
