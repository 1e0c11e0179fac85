use std::time::SystemTime;

use tokio::time::Instant;

/// The time of day. It does not run backwards while a client lives: it is the later of the system's
/// clock, which may be set, and the start plus the time that passed on the runtime's clock, which
/// stands still while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    system: SystemTime,
    instant: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { system: SystemTime::now(), instant: Instant::now() }
    }

    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now().max(self.system + self.instant.elapsed())
    }
}
