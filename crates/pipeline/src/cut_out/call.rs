//! Persons of one photo on their way through the segmentation network: one, or several in one run.

use super::limit::limit;
use super::person::{PersonCutOut, PersonResult};
use crate::detection::{Wanted, pixels};
use crate::devices::{Load, Turn};
use crate::error::{Code, Error, Warning};
use crate::photo::Photo;
use crate::picture::encode_png;
use crate::pipeline::Pipeline;
use crate::recipe::{ModelStamp, Recipe};
use crate::stage::Stage;
use crate::timing::milliseconds;
use futures::future::join_all;
use image::math::Rect;
use portrait_detection::Detection;
use portrait_gpu_scheduling::{BIREFNET, QueuePlace};
use portrait_segmentation::{
    CutOut, CutOutOptions, Error as SegmentationError, PersonCrop, Segmenter, crop_plan,
};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

const STAGE: Stage = Stage::Segmentation;
/// Below this mean alpha inside a person's box the cut-out is reported as empty.
const EMPTY: f32 = 0.01;

/// What all persons of one call have in common.
pub(crate) struct Call<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) photo: &'a Photo,
    pub(crate) load: Load,
    pub(crate) model: &'a ModelStamp,
    pub(crate) options: &'a CutOutOptions,
    /// Whether the one "person" is the whole picture.
    pub(crate) whole: bool,
}

/// A person that has its place in the queue.
struct Member<'a> {
    wanted: &'a Wanted,
    place: QueuePlace,
}

impl Call<'_> {
    /// Cuts these persons out by one run of the network. What concerns one is in its own result.
    pub(crate) async fn cut(&self, group: &[Wanted]) -> Vec<PersonResult<PersonCutOut>> {
        let start = Instant::now();
        for wanted in group {
            self.pipeline.context.progress.begin(STAGE, self.told_person(wanted));
        }
        let turn = Turn::new(&self.pipeline.context, self.photo.id());
        let (mut members, mut results) = (Vec::new(), Vec::new());
        for wanted in group {
            // Before the work: who would be refused is told at once.
            match self.member(&turn, wanted) {
                Ok(member) => members.push(member),
                Err(error) => results.push(self.end(wanted, start, Err(error))),
            }
        }
        results.extend(self.cut_members(&turn, start, members).await);
        let place = |id| group.iter().position(|wanted| wanted.person.person_id == id);
        results.sort_by_key(|result| place(result.person_id));
        results
    }

    /// Whom events name.
    fn told_person(&self, wanted: &Wanted) -> Option<usize> {
        Some(wanted.person.person_id).filter(|_| !self.whole)
    }

    fn recipe(&self, wanted: &Wanted) -> Result<Recipe, Error> {
        match self.whole {
            true => Recipe::of_whole(self.model, self.options),
            false => {
                let person = pixels(wanted.person.bbox);
                Recipe::of_cut_out(self.model, person, &wanted.others, self.options)
            }
        }
    }

    fn member<'w>(&self, turn: &Turn, wanted: &'w Wanted) -> Result<Member<'w>, Error> {
        let size = self.photo.image().dimensions();
        let plan = crop_plan(size, pixels(wanted.person.bbox), self.options.padding);
        plan.ok_or(SegmentationError::BoxOutside { photo: size })?;
        let engine = &self.pipeline.inner.engine;
        let ahead = engine.ahead(BIREFNET);
        let place = engine.segmentation_place(turn)?;
        self.pipeline.context.progress.queued(STAGE, self.told_person(wanted), ahead);
        Ok(Member { wanted, place })
    }

    async fn cut_members(
        &self,
        turn: &Turn,
        start: Instant,
        members: Vec<Member<'_>>,
    ) -> Vec<PersonResult<PersonCutOut>> {
        let inner = &self.pipeline.inner;
        let (mut persons, mut places) = (Vec::new(), Vec::new());
        for Member { wanted, place } in members {
            persons.push(wanted);
            places.push(place);
        }
        let network = async {
            let image = self.photo.image().clone();
            let input = &inner.segmentation.manifest.input;
            let input_size = [input.width, input.height];
            let options = *self.options;
            let boxes = persons.iter().map(|wanted| (pixels(wanted.person.bbox), &wanted.others));
            let boxes: Vec<_> = boxes.map(|(person, others)| (person, others.clone())).collect();
            let whole = self.whole;
            let prepare = move || {
                if whole {
                    return Ok(vec![PersonCrop::whole(image, &options, input_size)?]);
                }
                let crop = |(person, others): (Rect, Vec<Rect>)| {
                    PersonCrop::new(&image, person, &others, &options, input_size)
                };
                boxes.into_iter().map(crop).collect::<Result<Vec<_>, _>>()
            };
            let crops = Arc::new(inner.cores.run(&turn.flow, STAGE, prepare).await??);
            let same = crops.clone();
            let segment = move |segmenter: &Segmenter, persons: Range<usize>| {
                Ok(segmenter.run(&same[persons])?)
            };
            let seen = inner.engine.segment(turn, places, self.load.clone(), segment).await;
            Ok((crops, seen))
        };
        if persons.is_empty() {
            return Vec::new();
        }
        let (crops, seen) = match self.in_time(start, network).await {
            Ok(seen) => seen,
            Err(error) => {
                let each = persons.iter().map(|&wanted| (wanted, Err(error.clone())));
                return each.map(|(wanted, error)| self.end(wanted, start, error)).collect();
            }
        };
        let cut = persons.into_iter().zip(seen).enumerate().map(|(index, (wanted, seen))| {
            let crops = crops.clone();
            let alpha = self.photo.alpha().cloned();
            let work = async move {
                let seen = seen?;
                let finish = move || {
                    let mut cut = seen.value.cut_out(&crops[index])?;
                    if let Some(alpha) = alpha {
                        limit(&mut cut, &alpha);
                    }
                    let png = encode_png(&cut.image)?;
                    Ok::<_, Error>((Arc::new(cut), png, seen.device, seen.waited))
                };
                let recipe = self.recipe(wanted)?;
                let (cut_out, png, device, waited) =
                    inner.cores.run(&turn.flow, STAGE, finish).await??;
                Ok(PersonCutOut {
                    warnings: emptiness(&wanted.person, &cut_out),
                    person: wanted.person,
                    cut_out,
                    png,
                    recipe: recipe.id,
                    made: recipe.words,
                    key: None,
                    model: inner.segmentation.manifest.id.clone(),
                    device,
                    ms: milliseconds(start.elapsed()),
                    waited_ms: milliseconds(waited),
                })
            };
            async move { self.end(wanted, start, self.in_time(start, work).await) }
        });
        join_all(cut).await
    }

    /// Gives work up when the step's time is over, which began at `start`.
    async fn in_time<T>(
        &self,
        start: Instant,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.pipeline.inner.timeouts.segmentation;
        let left = limit.saturating_sub(start.elapsed());
        self.pipeline.in_time(STAGE, left, work).await.map_err(|error| match error {
            Error::Timeout { stage: STAGE, limit: told } if told == left => {
                Error::Timeout { stage: STAGE, limit }
            }
            error => error,
        })
    }

    fn end(
        &self,
        wanted: &Wanted,
        start: Instant,
        result: Result<PersonCutOut, Error>,
    ) -> PersonResult<PersonCutOut> {
        let person_id = wanted.person.person_id;
        self.pipeline.context.progress.end(STAGE, self.told_person(wanted), start, &result);
        let ran = result.as_ref().ok().map(|cut| {
            let waited = Duration::from_secs_f64(cut.waited_ms / 1e3);
            (cut.device.as_str(), cut.model.as_str(), waited)
        });
        self.pipeline.inner.watch.ended(STAGE, ran, start, &result);
        PersonResult::new(person_id, result)
    }
}

fn emptiness(person: &Detection, cut_out: &CutOut) -> Vec<Warning> {
    let coverage = cut_out.coverage();
    if coverage >= EMPTY {
        return Vec::new();
    }
    vec![Warning {
        code: Code::EmptyCutOut,
        message: format!(
            "only {:.2} % of person {}'s picture is foreground",
            100.0 * coverage,
            person.person_id
        ),
        person_id: Some(person.person_id),
    }]
}
