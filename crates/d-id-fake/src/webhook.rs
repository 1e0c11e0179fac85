//! What is posted when a talk has ended: the body of `GET /talks/{id}`, unsigned.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::answer::show;
use crate::delivery::{Delivery, WebhookRecord};
use crate::state::Shared;
use crate::sync::locked;

/// How often a talk is looked at for its end.
const TICK: Duration = Duration::from_millis(10);

/// Sees to the webhook of a talk just made; returns when its creation may be answered.
pub(crate) async fn begin(shared: &Arc<Shared>, id: String, delivery: Delivery) {
    if delivery == Delivery::BeforeTheAnswer {
        let now = shared.clock.now();
        if let Some(talk) = locked(&shared.world).talks.iter_mut().find(|talk| talk.id == id) {
            talk.end_now(now);
        }
        post(shared, &id).await;
        return;
    }
    let task = Arc::clone(shared);
    let work = async move {
        let body = ended(&task, &id).await;
        if body.is_none() {
            return;
        }
        let (pause, times) = match delivery {
            Delivery::Late(pause) => (pause, 1),
            Delivery::Repeated(times) => (Duration::ZERO, times),
            Delivery::Lost => return,
            Delivery::OnTime | Delivery::BeforeTheAnswer => (Duration::ZERO, 1),
        };
        tokio::time::sleep(pause).await;
        for _ in 0..times {
            post(&task, &id).await;
        }
    };
    locked(&shared.tasks).spawn(work);
}

/// Waits for the talk's end; `None` when the talk has been removed.
async fn ended(shared: &Shared, id: &str) -> Option<()> {
    loop {
        {
            let mut world = locked(&shared.world);
            world.settle(shared.settings.pace, shared.clock.now());
            let talk = world.talks.iter().find(|talk| talk.id == id && !talk.deleted)?;
            if talk.ended.is_some() {
                return Some(());
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn post(shared: &Shared, id: &str) {
    let Some((url, body)) = message(shared, id) else { return };
    let sent = match reqwest::Client::builder().no_proxy().build() {
        Ok(client) => client.post(&url).json(&body).send().await.ok(),
        Err(_) => None,
    };
    let record = WebhookRecord {
        talk: id.to_owned(),
        url,
        status: body["status"].as_str().unwrap_or_default().to_owned(),
        answer: sent.map(|answer| answer.status().as_u16()),
    };
    locked(&shared.world).webhooks.push(record);
}

fn message(shared: &Shared, id: &str) -> Option<(String, Value)> {
    let world = locked(&shared.world);
    let talk = world.talks.iter().find(|talk| talk.id == id && !talk.deleted)?;
    Some((talk.body.webhook.clone()?, show(shared, talk)))
}
