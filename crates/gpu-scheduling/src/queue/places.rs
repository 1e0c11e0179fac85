//! How many places are kept for requests that are still being prepared.

use std::collections::HashMap;
use std::sync::Arc;

/// Places held, of the bounds on what waits.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) total: usize,
    pub(super) of_class: Vec<usize>,
    of_flow: HashMap<Arc<str>, usize>,
}

impl Places {
    pub(super) fn new(classes: usize) -> Self {
        Self { total: 0, of_class: vec![0; classes], of_flow: HashMap::new() }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0 && self.of_flow.is_empty() && self.of_class.iter().all(|n| *n == 0)
    }

    pub(super) fn keep(&mut self, class: usize, flow: &Arc<str>) {
        self.total += 1;
        self.of_class[class] += 1;
        *self.of_flow.entry(flow.clone()).or_insert(0) += 1;
    }

    pub(super) fn give_up(&mut self, class: usize, flow: &str) {
        let Some(count) = self.of_flow.get_mut(flow) else { return };
        *count -= 1;
        if *count == 0 {
            self.of_flow.remove(flow);
        }
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.of_class.get_mut(class) {
            *count = count.saturating_sub(1);
        }
    }

    pub(super) fn in_flow(&self, flow: &str) -> usize {
        self.of_flow.get(flow).copied().unwrap_or(0)
    }
}
