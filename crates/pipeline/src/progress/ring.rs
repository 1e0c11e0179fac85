//! The updates of a job that are kept, for all its readers together.

use super::update::Update;
use crate::stage::Stage;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// The newest updates, and the newest of each stage and person. Nothing in it belongs to one
/// reader: a reader is a [`ReadPosition`].
#[derive(Debug)]
pub(super) struct Ring {
    capacity: usize,
    /// Numbers without a gap.
    kept: VecDeque<Arc<Update>>,
    /// The number of the newest update of each stage and person.
    numbers: HashMap<(Stage, Option<usize>), u64>,
    /// Those updates by number. Some are no longer in `kept`.
    state: BTreeMap<u64, Arc<Update>>,
}

/// How far a reader is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadPosition {
    /// The number of the last update it was given.
    seen: u64,
    /// Up to this number it gets only the newest update of each stage and person.
    skip: u64,
    /// It was not given anything yet.
    fresh: bool,
}

impl ReadPosition {
    /// The place of a reader that has seen all up to this number; 0 for the beginning.
    pub(super) fn after(seen: u64) -> Self {
        Self { seen, skip: 0, fresh: true }
    }
}

impl Ring {
    /// Keeps this many updates, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            kept: VecDeque::new(),
            numbers: HashMap::new(),
            state: BTreeMap::new(),
        }
    }

    pub(super) fn latest(&self) -> Option<&Arc<Update>> {
        self.kept.back()
    }

    /// The newest update of each stage and person, in order of number.
    pub(super) fn state(&self) -> Vec<Arc<Update>> {
        self.state.values().cloned().collect()
    }

    /// The number of the next update.
    pub(super) fn next_number(&self) -> u64 {
        self.latest().map_or(1, |update| update.number + 1)
    }

    /// Takes the update with the [next number](Self::next_number).
    pub(super) fn push(&mut self, update: Arc<Update>) {
        debug_assert_eq!(update.number, self.next_number());
        let key = (update.event.stage, update.event.person_id);
        if let Some(before) = self.numbers.insert(key, update.number) {
            self.state.remove(&before);
        }
        self.state.insert(update.number, update.clone());
        if self.kept.len() == self.capacity {
            self.kept.pop_front();
        }
        self.kept.push_back(update);
    }

    /// The next update for a reader, which has then seen it; `None` when it has seen all.
    ///
    /// A reader that begins gets all that is kept. One whose next update was overwritten gets the
    /// state, and then what follows the moment at which that was noticed.
    pub(super) fn next(&self, place: &mut ReadPosition) -> Option<Arc<Update>> {
        let (first, newest) = (self.kept.front()?.number, self.latest()?.number);
        while place.seen < newest {
            if place.skip <= place.seen && place.seen + 1 < first {
                place.skip = if place.fresh { first - 1 } else { newest };
            }
            place.fresh = false;
            let update = if place.skip <= place.seen {
                self.kept.get((place.seen + 1 - first) as usize)
            } else {
                self.state.range(place.seen + 1..=place.skip).next().map(|(_, update)| update)
            };
            if let Some(update) = update {
                place.seen = update.number;
                return Some(update.clone());
            }
            // Nothing of the state up to here is still the newest: newer updates replaced it.
            place.seen = place.skip;
        }
        None
    }
}
