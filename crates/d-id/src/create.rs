//! `POST /talks`, which is paid for: sent again only when it is known that nothing came of it.
//!
//! D-ID knows no idempotency key. What stands in for one is the picture's address, unique to the
//! talk: after a lost answer the account's talks are listed and the one with that address is the
//! answer.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use reqwest::Method;
use time::PrimitiveDateTime;
use time::format_description::well_known::Iso8601;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use url::Url;

use crate::error::Error;
use crate::operation::Operation;
use crate::request::CreateTalk;
use crate::talk::{ListTalks, Talk};
use crate::talks::Talks;

/// A talk listed as created this long before the request was sent is another one.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// The work of keeping a record before a request is sent.
pub(crate) type Recording =
    BoxFuture<'static, Result<(), Box<dyn std::error::Error + Send + Sync>>>;

pub(crate) async fn create(
    talks: &Talks<'_>,
    wanted: &CreateTalk,
    mut record: impl FnMut() -> Recording + Send,
) -> Result<Talk, Error> {
    let transport = talks.transport;
    wanted.check_for(&transport.local)?;
    let began = Since::now();
    let mut attempt = 1;
    loop {
        let sent = {
            // What is recorded is sent at once: how long a talk may still show counts from then.
            let permit = transport.permit().await;
            record().await.map_err(|source| Error::NotRecorded { source })?;
            send(talks, wanted, permit).await
        };
        let error = match sent {
            Ok(talk) => return Ok(talk),
            Err(error) => error,
        };
        if error.was_refused() {
            transport.pause_or_return(attempt, error).await?;
        } else {
            tracing::warn!(%error, source_url = %wanted.source_url, "answer to a create lost, looking for the talk");
            match recover(talks, wanted, began).await {
                Recovered::Found(talk) => return Ok(*talk),
                Recovered::Unknown(listing) => return Err(ambiguous(wanted, error, listing)),
                Recovered::Absent => {
                    if !transport.create_recovery.resend {
                        return Err(given_up(wanted, error));
                    }
                    // Waits as Retry-After asks; errors that trying again cannot mend, such as
                    // an unreadable success, come back.
                    if let Err(error) = transport.pause_or_return(attempt, error).await {
                        return Err(given_up(wanted, error));
                    }
                }
            }
        }
        attempt += 1;
    }
}

async fn send(
    talks: &Talks<'_>,
    wanted: &CreateTalk,
    permit: SemaphorePermit<'_>,
) -> Result<Talk, Error> {
    let transport = talks.transport;
    let request = transport.request(Method::POST, &["talks"])?.json(wanted);
    let reply = transport.permitted(permit, Operation::CreateTalk, request).await?;
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

async fn recover(talks: &Talks<'_>, wanted: &CreateTalk, began: Since) -> Recovered {
    let matches = |talk: &Talk| is_of_source(talk, &wanted.source_url) && same_words(talk, wanted);
    let mut outcome = Recovered::Unknown(None);
    for pause in &talks.transport.create_recovery.looks {
        tokio::time::sleep(*pause).await;
        outcome = match look(talks, &matches, Back::To(began)).await {
            Ok(Look::Found(talk)) => return Recovered::Found(talk),
            Ok(Look::Absent) => Recovered::Absent,
            Ok(Look::Unfinished) => {
                let pages = talks.transport.create_recovery.max_pages;
                Recovered::Unknown(Some(Error::ListTooLong { pages }))
            }
            Err(error) => Recovered::Unknown(Some(error)),
        };
    }
    outcome
}

/// Slack for the clocks of two runs of a program and of the server, for [`settle`].
const RUN_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks for the talk of a request that another run of the program sent: at once, and as long as
/// it may still show.
pub(crate) async fn settle(
    talks: &Talks<'_>,
    source_url: &str,
    sent: SystemTime,
) -> Result<Option<Talk>, Error> {
    let recovery = &talks.transport.create_recovery;
    let matches = |talk: &Talk| is_of_source(talk, source_url);
    let back = Back::About(sent);
    // By a clock that was set back nothing has passed, and the wait is not shortened.
    let elapsed = talks.transport.clock.now().duration_since(sent).unwrap_or_default();
    let begin = Instant::now();
    let mut last = look(talks, &matches, back).await;
    let mut after = Duration::ZERO;
    // Nobody knows how long the request went on: by the end of its time-out it had come or gone, and
    // only then do the looks of a lost answer begin.
    for pause in recovery.looks.iter().chain([&talks.transport.timeout]) {
        if let Ok(Look::Found(talk)) = last {
            return Ok(Some(*talk));
        }
        after += *pause;
        if let Some(rest) = after.checked_sub(elapsed) {
            tokio::time::sleep_until(begin + rest).await;
            last = look(talks, &matches, back).await;
        }
    }
    match last? {
        Look::Found(talk) => Ok(Some(*talk)),
        Look::Absent => Ok(None),
        Look::Unfinished => Err(Error::ListTooLong { pages: recovery.max_pages }),
    }
}

/// A moment in the past, by both clocks of this machine: one may be set, the other stands still
/// while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    instant: Instant,
    system: SystemTime,
}

impl Since {
    pub(crate) fn now() -> Since {
        Since { instant: Instant::now(), system: SystemTime::now() }
    }

    /// How long ago it was, at least.
    fn age(self) -> Duration {
        self.instant.elapsed().max(self.system.elapsed().unwrap_or_default())
    }
}

/// How far back a look at the list goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Back {
    /// To when this process began with a request. What is older is another talk of the picture.
    To(Since),
    /// About to a time on record. A clock may have been wrong since, and the picture's address is
    /// unique: a match is the talk whatever its age, and the time only spares the older pages.
    About(SystemTime),
    /// To the end.
    All,
}

impl Back {
    /// The moment on the server's clock behind which pages are not read.
    fn oldest(self, server_now: Option<SystemTime>) -> Option<SystemTime> {
        let server_now = server_now.unwrap_or_else(SystemTime::now);
        match self {
            Back::To(began) => Some(server_now - began.age() - CLOCK_TOLERANCE),
            // A time that lies ahead was read from a wrong clock, and says nothing.
            Back::About(sent) if sent > server_now + CLOCK_TOLERANCE => None,
            Back::About(sent) => Some(sent - RUN_TOLERANCE),
            Back::All => None,
        }
    }
}

/// What a look at the list showed.
pub(crate) enum Look {
    Found(Box<Talk>),
    Absent,
    /// There were more pages than may be read.
    Unfinished,
}

/// Looks through the list for the newest talk that matches.
pub(crate) async fn look(
    talks: &Talks<'_>,
    matches: &(dyn Fn(&Talk) -> bool + Send + Sync),
    back: Back,
) -> Result<Look, Error> {
    let mut list = ListTalks { limit: Some(100), token: None };
    let mut descending = true;
    let mut previous = None;
    for _ in 0..talks.transport.create_recovery.max_pages {
        let (page, reply) = talks.list_reply(&list).await?;
        let oldest = back.oldest(reply.date);
        let too_old = |talk: &Talk| {
            oldest.is_some_and(|oldest| created(talk).is_some_and(|created| created < oldest))
        };
        let newest = page
            .talks
            .iter()
            .filter(|talk| matches(talk) && !(matches!(back, Back::To(_)) && too_old(talk)))
            .max_by_key(|talk| created(talk));
        if let Some(talk) = newest {
            return Ok(Look::Found(Box::new(talk.clone())));
        }
        for talk in &page.talks {
            let this = created(talk);
            descending &= this.is_some() && (previous.is_none() || this <= previous);
            previous = this;
        }
        // Newest first, and already past the time of sending: it cannot come any more.
        let passed = descending && page.talks.last().is_some_and(too_old);
        match page.token {
            // A page without talks says nothing of those that follow.
            Some(token) if !passed => list.token = Some(token),
            _ => return Ok(Look::Absent),
        }
    }
    Ok(Look::Unfinished)
}

/// When a talk was created. D-ID writes UTC with or without a `Z`; anything else is unknown.
fn created(talk: &Talk) -> Option<SystemTime> {
    let text = talk.created_at.as_deref()?;
    let text = text.strip_suffix('Z').unwrap_or(text);
    let parsed = PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok()?;
    Some(parsed.assume_utc().into())
}

/// Whether a listed talk's user data and name, where it shows them, are those asked for.
fn same_words(talk: &Talk, wanted: &CreateTalk) -> bool {
    let agree = |shown: &Option<String>, asked: &Option<String>| {
        shown.is_none() || asked.is_none() || shown == asked
    };
    agree(&talk.user_data, &wanted.user_data) && agree(&talk.name, &wanted.name)
}

/// Whether a talk is of this picture, in whichever of its forms D-ID shows the address.
pub(crate) fn is_of_source(talk: &Talk, source_url: &str) -> bool {
    talk.source_url.as_deref().is_some_and(|shown| same_file(shown, source_url))
}

/// Whether two addresses name the same file: the same address, but for the query (a link may have
/// been signed anew), or the `s3` and `https` forms of the same bucket and key.
fn same_file(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (bucket_and_key(a), bucket_and_key(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// The host or bucket and the path. `https://<bucket>.s3.<region>.amazonaws.com/<key>` is
/// `s3://<bucket>/<key>`.
fn bucket_and_key(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    let bucket = match (url.scheme(), host.split_once(".s3.")) {
        ("https", Some((bucket, rest))) if rest.ends_with("amazonaws.com") => bucket.to_owned(),
        _ => match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        },
    };
    let path = url.path();
    // The two forms escape characters such as `|` differently.
    let key = percent_decoded(path.strip_prefix('/').unwrap_or(path));
    (!key.is_empty()).then_some((bucket, key))
}

fn percent_decoded(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("k={}", plus.replace('&', "%26")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_one_address_are_one_file() {
        let s3 = "s3://d-id-images-prod/user|1/img_1/anna.png";
        let https = "https://d-id-images-prod.s3.us-west-2.amazonaws.com/user%7C1/img_1/anna.png";
        assert!(same_file(s3, https));
        assert!(same_file(https, &format!("{https}?Expires=1&Signature=a")));
        assert!(same_file("https://host/a+b&c.png", "https://host/a+b%26c.png?x=1"));
        assert!(!same_file(s3, "s3://d-id-images-prod/user|1/img_2/anna.png"));
        assert!(!same_file(s3, "s3://other/user|1/img_1/anna.png"));
        assert!(!same_file("https://a.com/1.png", "https://b.com/1.png"));
        assert!(!same_file("http://127.0.0.1:1/1.png", "http://127.0.0.1:2/1.png"));
        assert!(!same_file("https://host/a+b.png", "https://host/a b.png"));
    }

    #[test]
    fn creation_times_are_read_with_and_without_a_zone() {
        let at = |text: &str| {
            let talk = serde_json::json!({ "id": "t", "status": "done", "created_at": text });
            created(&serde_json::from_value(talk).unwrap())
        };
        let whole = SystemTime::UNIX_EPOCH + Duration::from_millis(1_599_141_414_995);
        assert_eq!(at("2020-09-03T13:56:54.995"), Some(whole));
        assert_eq!(at("2020-09-03T13:56:54.995Z"), Some(whole));
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn the_time_of_sending_is_taken_by_the_servers_clock() {
        let half_a_minute = Duration::from_secs(30);
        let began = Since { system: SystemTime::now() - half_a_minute, ..Since::now() };
        let day = Duration::from_secs(86_400);
        let behind = SystemTime::now() - day;
        let oldest = Back::To(began).oldest(Some(behind)).unwrap();
        let expected = behind - half_a_minute - CLOCK_TOLERANCE;
        let apart = oldest.duration_since(expected).unwrap_or_else(|error| error.duration());
        assert!(apart < Duration::from_secs(1), "{apart:?}");

        let now = SystemTime::now();
        assert_eq!(Back::About(now - day).oldest(Some(now)), Some(now - 2 * day));
        assert_eq!(Back::About(now + day).oldest(Some(now)), None);
    }
}
