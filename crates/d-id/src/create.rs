//! `POST /talks`, which is paid for: sent again only when it is known that nothing came of it.
//!
//! D-ID knows no idempotency key. What stands in for one is the picture's address, unique to the
//! talk: after a lost answer the account's talks are listed and the one with that address is the
//! answer.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use reqwest::Method;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::error::Error;
use crate::find::{Back, Look, Since, is_of_source, look};
use crate::operation::Operation;
use crate::request::CreateTalk;
use crate::talk::Talk;
use crate::transport::{Transport, wait_or_return};

/// The work of keeping a record before a request is sent.
pub(crate) type Recording =
    BoxFuture<'static, Result<(), Box<dyn std::error::Error + Send + Sync>>>;

pub(crate) async fn create(
    transport: &Transport,
    wanted: &CreateTalk,
    mut record: impl FnMut() -> Recording + Send,
) -> Result<Talk, Error> {
    wanted.check_for(&transport.local)?;
    let began = Since::now();
    let mut tries = transport.retry.tries();
    loop {
        let sent = {
            // What is recorded is sent at once: how long a talk may still show counts from then.
            let permit = transport.permit().await;
            record().await.map_err(|source| Error::NotRecorded { source })?;
            send(transport, tries.attempt(), wanted, permit).await
        };
        let error = match sent {
            Ok(talk) => return Ok(talk),
            Err(error) => error,
        };
        if error.was_refused() {
            wait_or_return(&mut tries, error).await?;
        } else {
            tracing::warn!(%error, source_url = %wanted.source_url, "answer to a create lost, looking for the talk");
            match recover(transport, wanted, began).await {
                Recovered::Found(talk) => return Ok(*talk),
                Recovered::Unknown(listing) => return Err(ambiguous(wanted, error, listing)),
                Recovered::Absent => {
                    if !transport.create_recovery.resend {
                        return Err(given_up(wanted, error));
                    }
                    // Waits as Retry-After asks; errors that trying again cannot mend, such as
                    // an unreadable success, come back.
                    if let Err(error) = wait_or_return(&mut tries, error).await {
                        return Err(given_up(wanted, error));
                    }
                }
            }
        }
    }
}

async fn send(
    transport: &Transport,
    attempt: u32,
    wanted: &CreateTalk,
    permit: SemaphorePermit<'_>,
) -> Result<Talk, Error> {
    let request = transport.request(Method::POST, &["talks"])?.json(wanted);
    let reply = transport.permitted(permit, Operation::CreateTalk, attempt, request).await?;
    let mut talk: Talk = reply.json(&transport.redactor)?;
    // The answer to a create names no picture.
    talk.source_url.get_or_insert_with(|| wanted.source_url.clone());
    Ok(talk)
}

fn ambiguous(wanted: &CreateTalk, cause: Error, listing: Option<Error>) -> Error {
    Error::CreateAmbiguous {
        source_url: wanted.source_url.clone(),
        cause: Box::new(cause),
        listing: listing.map(Box::new),
    }
}

/// The talk is not listed and there is no further try. A server that said it failed is believed;
/// after silence the talk may still come.
fn given_up(wanted: &CreateTalk, cause: Error) -> Error {
    match &cause {
        Error::Server { status, .. } if !matches!(status, 408 | 504) => cause,
        Error::NotReady { .. } => cause,
        _ => ambiguous(wanted, cause, None),
    }
}

enum Recovered {
    Found(Box<Talk>),
    Absent,
    Unknown(Option<Error>),
}

async fn recover(transport: &Transport, wanted: &CreateTalk, began: Since) -> Recovered {
    let matches = |talk: &Talk| is_of_source(talk, &wanted.source_url) && same_words(talk, wanted);
    let mut outcome = Recovered::Unknown(None);
    for pause in &transport.create_recovery.looks {
        tokio::time::sleep(*pause).await;
        outcome = match look(transport, &matches, Back::To(began)).await {
            Ok(Look::Found(talk)) => return Recovered::Found(talk),
            Ok(Look::Absent) => Recovered::Absent,
            Ok(Look::Unfinished) => {
                let pages = transport.create_recovery.max_pages;
                Recovered::Unknown(Some(Error::ListTooLong { pages }))
            }
            Err(error) => Recovered::Unknown(Some(error)),
        };
    }
    outcome
}

/// Looks for the talk of a request that another run of the program sent: at once, and as long as
/// it may still show.
pub(crate) async fn settle(
    transport: &Transport,
    source_url: &str,
    sent: SystemTime,
) -> Result<Option<Talk>, Error> {
    let recovery = &transport.create_recovery;
    let matches = |talk: &Talk| is_of_source(talk, source_url);
    let back = Back::About(sent);
    // By a clock that was set back nothing has passed, and the wait is not shortened.
    let elapsed = transport.clock.now().duration_since(sent).unwrap_or_default();
    let begin = Instant::now();
    let mut last = look(transport, &matches, back).await;
    let mut after = Duration::ZERO;
    // Nobody knows how long the request went on: by the end of its time-out it had come or gone, and
    // only then do the looks of a lost answer begin.
    for pause in recovery.looks.iter().chain([&transport.timeout]) {
        if let Ok(Look::Found(talk)) = last {
            return Ok(Some(*talk));
        }
        after += *pause;
        if let Some(rest) = after.checked_sub(elapsed) {
            tokio::time::sleep_until(begin + rest).await;
            last = look(transport, &matches, back).await;
        }
    }
    match last? {
        Look::Found(talk) => Ok(Some(*talk)),
        Look::Absent => Ok(None),
        Look::Unfinished => Err(Error::ListTooLong { pages: recovery.max_pages }),
    }
}

/// Whether a listed talk's user data and name, where it shows them, are those asked for.
fn same_words(talk: &Talk, wanted: &CreateTalk) -> bool {
    let agree = |shown: &Option<String>, asked: &Option<String>| {
        shown.is_none() || asked.is_none() || shown == asked
    };
    agree(&talk.user_data, &wanted.user_data) && agree(&talk.name, &wanted.name)
}
