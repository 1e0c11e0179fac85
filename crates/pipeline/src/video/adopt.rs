//! Orders of former versions, which did not record how their picture was made.
//!
//! Such an order may be of another picture than the one that is asked for now, even of another
//! person, for the number of a person depends on how persons were looked for. So it counts only
//! for one picture: the one that its cut-out of that time, where it is still there, is equal to;
//! else the first that asks for it. From then on the record says which.

use super::job::Job;
use super::order::{Order, OrderId};
use super::portrait::Portrait;
use crate::error::Error;
use crate::stage::Stage;
use portrait_storage::{Artifact, Meta};

impl Job<'_> {
    /// Whether this order is the one that stands in a former record.
    pub(super) async fn adopt(&self, former: OrderId, portrait: &Portrait) -> Result<bool, Error> {
        let storage = self.storage();
        // What is known under the new id needs no former record.
        if Order::load(storage, self.id).await?.is_some()
            || storage.find(self.id.video_artifact()).await?.is_some()
        {
            return Ok(false);
        }
        let record = Order::load(storage, former).await?;
        let video = storage.find(former.video_artifact()).await?;
        if record.is_none() && video.is_none() {
            return Ok(false);
        }
        let mut order = record.unwrap_or_default();
        match order.picture {
            Some(picture) => return Ok(picture == portrait.recipe()),
            None if self.shows_another(former, &order, video, portrait).await? => return Ok(false),
            None => {}
        }
        order.picture = Some(portrait.recipe());
        order.save(storage, former).await?;
        Ok(true)
    }

    /// Whether the cut-out that a former version kept says that its order shows another picture.
    async fn shows_another(
        &self,
        former: OrderId,
        order: &Order,
        video: Option<Meta>,
        portrait: &Portrait,
    ) -> Result<bool, Error> {
        let OrderId { photo, person, .. } = former;
        let artifact = Artifact::CutOut { photo, person, recipe: None };
        let Some(kept) = self.storage().find(artifact).await? else { return Ok(false) };
        let sent = order.attempts.first().map(|attempt| attempt.sent().into());
        let ordered = sent.or(video.map(|video| video.stored_at));
        // A cut-out that was kept after the order says nothing of it.
        if ordered.is_some_and(|ordered| kept.stored_at > ordered) {
            return Ok(false);
        }
        let png = self.storage().get(kept.key).await?;
        let picture = portrait.picture.clone();
        let differs = move || match image::load_from_memory(&png) {
            Ok(kept) => kept.into_rgba8() != *picture.pixels(),
            // A file that cannot be read says nothing.
            Err(_) => false,
        };
        let flow = self.pipeline.context.flow_of(photo);
        self.pipeline.inner.cores.run(&flow, Stage::Talk, differs).await
    }
}

#[cfg(test)]
mod tests;
