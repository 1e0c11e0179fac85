//! What the API says of a talk.

use serde_json::Value;

use crate::state::{OWNER, Shared};
use crate::talk::{Ending, Talk};

pub(crate) fn show(shared: &Shared, talk: &Talk) -> Value {
    let now = shared.clock.now();
    let status = talk.status(shared.settings.pace, now);
    talk.json(OWNER, status, result_url(shared, talk))
}

/// The presigned link of a finished talk.
fn result_url(shared: &Shared, talk: &Talk) -> Option<String> {
    if talk.outcome.ending != Ending::Done {
        return None;
    }
    if shared.settings.s3_results {
        return Some(format!("s3://portrait-fake-results/{}/talk.mp4", talk.id));
    }
    talk.ended?;
    let expires =
        (shared.clock.now() + shared.settings.result_lifetime).as_secs_f64().ceil() as u64;
    Some(format!(
        "{}results/{}/talk.mp4?Expires={expires}&Signature={}",
        shared.base,
        talk.id,
        talk.signed(expires)
    ))
}
