//! Looking for a talk in the account's list.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use time::PrimitiveDateTime;
use time::format_description::well_known::Iso8601;
use tokio::time::Instant;
use url::Url;

use crate::error::Error;
use crate::operation::Operation;
use crate::talk::{ListTalks, Talk, TalkPage};
use crate::transport::{Reply, Transport};

/// A talk listed as created this long before the request was sent is another one.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Slack for the clocks of two runs of a program and of the server.
const RUN_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// A page of the account's talks (`GET /talks`), with the answer that it came in.
pub(crate) async fn page(
    transport: &Transport,
    list: &ListTalks,
) -> Result<(TalkPage, Reply), Error> {
    let mut query = Vec::new();
    if let Some(limit) = list.limit {
        query.push(("limit", limit.to_string()));
    }
    if let Some(token) = &list.token {
        query.push(("token", token.clone()));
    }
    let make = || {
        let request = transport.request(Method::GET, &["talks"])?;
        Ok(request.query(&query))
    };
    let reply = transport.retried(Operation::ListTalks, make).await?;
    let page = reply.json(&transport.redactor)?;
    Ok((page, reply))
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
    transport: &Transport,
    matches: &(dyn Fn(&Talk) -> bool + Send + Sync),
    back: Back,
) -> Result<Look, Error> {
    let mut list = ListTalks { limit: Some(100), token: None };
    let mut descending = true;
    let mut previous = None;
    for _ in 0..transport.create_recovery.max_pages {
        let (found, reply) = page(transport, &list).await?;
        let oldest = back.oldest(reply.date);
        let too_old = |talk: &Talk| {
            oldest.is_some_and(|oldest| created(talk).is_some_and(|created| created < oldest))
        };
        let newest = found
            .talks
            .iter()
            .filter(|talk| matches(talk) && !(matches!(back, Back::To(_)) && too_old(talk)))
            .max_by_key(|talk| created(talk));
        if let Some(talk) = newest {
            return Ok(Look::Found(Box::new(talk.clone())));
        }
        for talk in &found.talks {
            let this = created(talk);
            descending &= this.is_some() && (previous.is_none() || this <= previous);
            previous = this;
        }
        // Newest first, and already past the time of sending: it cannot come any more.
        let passed = descending && found.talks.last().is_some_and(too_old);
        match found.token {
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
