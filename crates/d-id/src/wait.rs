use std::time::Duration;

use portrait_http::{backoff, random};
use reqwest::Method;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::Error;
use crate::ids::TalkId;
use crate::key::Redactor;
use crate::operation::Operation;
use crate::refusal::{MAX_DESCRIPTION, MAX_KIND};
use crate::talk::{Talk, TalkError, TalkErrorKind, TalkStatus};
use crate::transport::Transport;

/// How to wait for a talk. D-ID documents no interval; its clients poll every 3 to 20 s.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitOptions {
    /// The pause after the first poll; 3 s by default.
    pub first_pause: Duration,
    /// What each further pause is multiplied by, at least 1; 1.5 by default.
    pub factor: f64,
    /// The longest pause; 10 s by default.
    pub max_pause: Duration,
    /// How far a pause may stray, as a part of it, 0 to 1; 0.1 by default.
    pub jitter: f64,
    /// How long to wait in all; 15 minutes by default.
    pub deadline: Duration,
    /// How long "not found" counts as passing: a talk just made may not show at once. 30 s by
    /// default.
    pub missing: Duration,
}

impl Default for WaitOptions {
    fn default() -> WaitOptions {
        WaitOptions {
            first_pause: Duration::from_secs(3),
            factor: 1.5,
            max_pause: Duration::from_secs(10),
            jitter: 0.1,
            deadline: Duration::from_secs(15 * 60),
            missing: Duration::from_secs(30),
        }
    }
}

impl WaitOptions {
    /// The pause after the `poll`th poll (from 0), and never sooner than the server asks.
    fn pause(&self, poll: u32, asked: Option<Duration>) -> Duration {
        let plain = backoff(self.first_pause, self.factor, self.max_pause, poll);
        let stray = self.jitter.clamp(0.0, 1.0) * (2.0 * random() - 1.0);
        Duration::try_from_secs_f64(plain.as_secs_f64() * (1.0 + stray))
            .unwrap_or(plain)
            .max(asked.unwrap_or_default())
    }
}

/// Stands in for deadlines beyond what the clock can express.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

pub(crate) async fn until_done(
    transport: &Transport,
    id: &TalkId,
    options: &WaitOptions,
    mut progress: impl FnMut(&Talk) + Send,
) -> Result<Talk, Error> {
    let redactor = &transport.redactor;
    let began = Instant::now();
    let end = began.checked_add(options.deadline).unwrap_or(began + FOR_EVER);
    let mut last: Option<Talk> = None;
    let mut missing_since: Option<Instant> = None;
    for poll in 0.. {
        let mut asked = None;
        match timeout_at(end, poll_once(transport, id)).await {
            Err(_) => break,
            Ok(Ok(talk)) => {
                missing_since = None;
                progress(&talk);
                match &talk.status {
                    // Without its link a talk is of no use yet: the link may come with a later poll.
                    TalkStatus::Done if talk.result_url.is_some() => return Ok(talk),
                    TalkStatus::Error => return Err(failed(talk, redactor)),
                    TalkStatus::Rejected => return Err(rejected(talk, redactor)),
                    _ => last = Some(talk),
                }
            }
            Ok(Err(error)) if passes(&error) => {
                tracing::debug!(%id, %error, "poll failed, asking again");
                asked = error.retry_after();
            }
            Ok(Err(error @ Error::NotFound { .. })) => {
                let since = *missing_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= options.missing {
                    return Err(error);
                }
                tracing::debug!(%id, %error, "talk does not show, asking again");
            }
            Ok(Err(error)) => return Err(error),
        }
        let next = Instant::now().checked_add(options.pause(poll, asked));
        let Some(next) = next.filter(|next| *next < end) else {
            sleep_until(end).await;
            break;
        };
        sleep_until(next).await;
    }
    match last {
        Some(talk) if talk.status == TalkStatus::Done => Err(Error::Protocol {
            operation: Operation::WaitForTalk,
            status: 200,
            reason: "the talk is done but has no result_url".to_owned(),
            body: String::new(),
        }),
        last => Err(Error::Timeout {
            operation: Operation::WaitForTalk,
            after: options.deadline,
            last_status: last.map(|talk| match talk.status {
                TalkStatus::Other(word) => TalkStatus::Other(redactor.clean(&word, MAX_KIND)),
                known => known,
            }),
        }),
    }
}

/// Asks for a talk once, without another try.
async fn poll_once(transport: &Transport, id: &TalkId) -> Result<Talk, Error> {
    let request = transport.request(Method::GET, &["talks", id.as_str()])?;
    let reply = transport.once(Operation::GetTalk, 1, request).await?;
    reply.json(&transport.redactor)
}

/// Whether a poll that failed says nothing of the talk: a gateway's page in place of an answer is
/// no reason to give a paid talk up either.
fn passes(error: &Error) -> bool {
    error.is_retryable() || matches!(error, Error::Protocol { status: 200..=299, .. })
}

fn failed(talk: Talk, redactor: &Redactor) -> Error {
    let (kind, description) = split(talk.error, redactor);
    Error::TalkFailed {
        id: talk.id,
        kind,
        description: description.unwrap_or_else(|| "no description given".to_owned()),
    }
}

fn rejected(talk: Talk, redactor: &Redactor) -> Error {
    let (_, description) = split(talk.error, redactor);
    Error::TalkRejected { id: talk.id, description }
}

/// Kind and description, fit for a message.
fn split(error: Option<TalkError>, redactor: &Redactor) -> (TalkErrorKind, Option<String>) {
    let Some(TalkError { kind, description, .. }) = error else {
        return Default::default();
    };
    let kind = match kind {
        TalkErrorKind::Other(word) => TalkErrorKind::Other(redactor.clean(&word, MAX_KIND)),
        known => known,
    };
    (kind, description.map(|said| redactor.clean(&said, MAX_DESCRIPTION)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_grow_apart_within_their_jitter() {
        let options = WaitOptions::default();
        for (poll, plain) in [(0, 3.0), (1, 4.5), (2, 6.75), (3, 10.0), (400, 10.0)] {
            let pause = options.pause(poll, None).as_secs_f64();
            assert!((plain * 0.9 - 1e-6..=plain * 1.1 + 1e-6).contains(&pause), "{poll}: {pause}");
        }
        let asked = Duration::from_secs(30);
        assert_eq!(options.pause(0, Some(asked)), asked);
        let endless =
            WaitOptions { first_pause: Duration::MAX, max_pause: Duration::MAX, ..options };
        assert!(endless.pause(0, None) > Duration::from_secs(u64::MAX / 2));
    }
}
