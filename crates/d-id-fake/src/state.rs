//! What the server remembers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::auth::Accepted;
use crate::clock::Clock;
use crate::delivery::{Delivery, WebhookRecord};
use crate::fault::Fault;
use crate::journal::Journal;
use crate::route::Route;
use crate::talk::{Ending, Outcome, Pace, Talk, TalkRecord};

/// The account every accepted key belongs to.
pub(crate) const OWNER: &str = "portrait-fake-user";

/// What becomes of a talk whose picture cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingSource {
    /// It is created and ends in `error` of kind `SourceError`.
    #[default]
    Fails,
    /// It is refused with 400.
    Refused,
}

/// In which order `GET /talks` lists; D-ID does not document it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ListOrder {
    /// Newest first.
    #[default]
    NewestFirst,
    /// Oldest first.
    OldestFirst,
}

pub(crate) type FaceRule = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) accepted: Accepted,
    pub(crate) credits: f64,
    pub(crate) seconds_per_credit: f64,
    pub(crate) pace: Pace,
    pub(crate) strict_bodies: bool,
    pub(crate) upload_lifetime: Duration,
    pub(crate) result_lifetime: Duration,
    pub(crate) allow_stitch: bool,
    pub(crate) allow_subtitles: bool,
    pub(crate) s3_uploads: bool,
    pub(crate) s3_results: bool,
    pub(crate) missing_source: MissingSource,
    pub(crate) list_order: ListOrder,
    pub(crate) has_face: FaceRule,
    /// What every talk yields; `None` for a video of its picture.
    pub(crate) video: Option<Bytes>,
    pub(crate) ranges: bool,
}

/// A picture or a sound in the temporary store.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) url: String,
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) stored: Duration,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Content {
    Picture { width: u32, height: u32 },
    Sound { seconds: f64 },
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// The server's address with a closing slash.
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) world: Mutex<World>,
    /// Webhooks on their way.
    pub(crate) tasks: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) uploads: HashMap<String, Upload>,
    /// In order of creation; removed ones stay, marked.
    pub(crate) talks: Vec<Talk>,
    pub(crate) total: f64,
    pub(crate) remaining: f64,
    pub(crate) outcomes: VecDeque<Outcome>,
    /// How the next webhooks are delivered.
    pub(crate) deliveries: VecDeque<Delivery>,
    /// Webhooks that were sent.
    pub(crate) webhooks: Vec<WebhookRecord>,
    /// Each with its number in `struck`.
    faults: Vec<(usize, Route, Fault)>,
    /// How often each fault struck, in the order they were added.
    pub(crate) struck: Vec<u32>,
}

impl World {
    pub(crate) fn new(credits: f64) -> World {
        World {
            uploads: HashMap::new(),
            talks: Vec::new(),
            total: credits,
            remaining: credits,
            outcomes: VecDeque::new(),
            deliveries: VecDeque::new(),
            webhooks: Vec::new(),
            faults: Vec::new(),
            struck: Vec::new(),
        }
    }

    pub(crate) fn add_fault(&mut self, route: Route, fault: Fault) {
        if fault.times > 0 {
            self.faults.push((self.struck.len(), route, fault));
        }
        self.struck.push(0);
    }

    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The first fault waiting for this route, once less.
    pub(crate) fn take_fault(&mut self, route: Route) -> Option<Fault> {
        let at = self.faults.iter().position(|(_, of, _)| *of == route)?;
        let (number, _, fault) = &mut self.faults[at];
        self.struck[*number] += 1;
        fault.times -= 1;
        if fault.times > 0 {
            return Some(fault.clone());
        }
        Some(self.faults.remove(at).2)
    }

    /// An upload by its address, any query aside, if it has not expired.
    pub(crate) fn upload_at(
        &self,
        url: &str,
        now: Duration,
        lifetime: Duration,
    ) -> Option<&Upload> {
        let plain = url.split(['?', '#']).next().unwrap_or(url);
        self.uploads.values().find(|upload| upload.url == plain && now < upload.stored + lifetime)
    }

    /// Moves every talk on and gives back the credits of those that came to nothing.
    pub(crate) fn settle(&mut self, pace: Pace, now: Duration) {
        for talk in &mut self.talks {
            talk.settle(pace, now);
            let failed = talk.ended.is_some() && talk.outcome.ending != Ending::Done;
            if failed && !talk.refunded {
                talk.refunded = true;
                self.remaining += f64::from(talk.credits);
            }
        }
    }

    pub(crate) fn records(&self, pace: Pace, now: Duration) -> Vec<TalkRecord> {
        self.talks
            .iter()
            .map(|talk| TalkRecord {
                id: talk.id.clone(),
                status: talk.status(pace, now).to_owned(),
                source_url: talk.body.source_url.clone(),
                credits: talk.credits,
                refunded: talk.refunded,
                deleted: talk.deleted,
            })
            .collect()
    }
}
