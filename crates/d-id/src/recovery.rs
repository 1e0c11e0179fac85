use std::time::Duration;

/// How a create whose answer was lost is settled. The talks are listed, several times because a
/// talk may show late, and one with the same `source_url` is the answer.
///
/// A talk that shows after the last look would be paid for twice. The looks therefore go on for
/// [`CreateRecovery::settled_after`], a minute by default: twice the 29 s after which the gateway
/// in front of D-ID gives up on a request. `resend: false` rules a second payment out altogether.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRecovery {
    /// The pause before each look at the list; 0.25, 1, 3, 6, 15 and 35 s by default.
    pub looks: Vec<Duration>,
    /// Whether to send the request again when no look found the talk; true by default. When
    /// false, or when the tries of [`RetryPolicy`](crate::RetryPolicy) are used up, the error is returned.
    pub resend: bool,
    /// Pages of 100 talks to read at most for one look; 20 by default. Beyond them the outcome
    /// stays unknown, and the request is not sent again.
    pub max_pages: u32,
}

impl CreateRecovery {
    /// How long after its answer was lost a talk that no list shows counts as never made.
    #[must_use]
    pub fn settled_after(&self) -> Duration {
        self.looks.iter().sum()
    }
}

impl Default for CreateRecovery {
    fn default() -> CreateRecovery {
        CreateRecovery {
            looks: [250, 1000, 3000, 6000, 15_000, 35_000].map(Duration::from_millis).to_vec(),
            resend: true,
            max_pages: 20,
        }
    }
}
