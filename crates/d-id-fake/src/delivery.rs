//! How a webhook is delivered, and what is remembered of it.

use std::time::Duration;

/// How a webhook is delivered. D-ID promises nothing about order, number or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delivery {
    /// Once, when the talk ends.
    #[default]
    OnTime,
    /// Once, this much later: also what puts the messages of two talks out of order.
    Late(Duration),
    /// This many times, one after the other.
    Repeated(u32),
    /// Never.
    Lost,
    /// When the talk ends, which it does at once: before its creation is answered.
    BeforeTheAnswer,
}

/// A webhook that was sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WebhookRecord {
    /// The talk.
    pub talk: String,
    /// Where it was posted to.
    pub url: String,
    /// The talk's status in it.
    pub status: String,
    /// The status answered; `None` where nobody answered.
    pub answer: Option<u16>,
}
