//! The second step: selected persons on a transparent background.

use crate::catalogue::{Code, Warning};
use crate::engine::Turn;
use crate::picture::encode_png;
use crate::pipeline::{Pipeline, milliseconds, within};
use crate::progress::{Progress, Stage};
use crate::replica::Load;
use crate::{Error, Photo};
use bytes::Bytes;
use futures::{StreamExt, stream};
use image::math::Rect;
use portrait_detection::{BoundingBox, Detection};
use portrait_kernels::Device;
use portrait_segmentation::{
    CutOut, CutOutOptions, Segmenter, crop_photo, crop_plan, finish_cut_out, mattes_from_logits,
    preprocess,
};
use std::time::Instant;

/// Below this mean alpha inside a person's box the cut-out is reported as empty.
const EMPTY: f32 = 0.01;
/// Persons of one photo that are in work at once: one on the device, others before and after it.
const AT_ONCE: usize = 3;

/// Which of the persons found are wanted; the others keep out of their pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub(crate) persons: Vec<Detection>,
    pub(crate) selected: Vec<usize>,
}

impl Selection {
    /// The persons with these ids among all that were found, each once, in this order.
    ///
    /// # Errors
    /// [`Error::UnknownPerson`] naming the ids that do not exist.
    pub fn new(persons: Vec<Detection>, ids: &[usize]) -> Result<Self, Error> {
        let known: Vec<usize> = persons.iter().map(|person| person.person_id).collect();
        let mut selected = Vec::new();
        let mut unknown = Vec::new();
        for &id in ids {
            if !known.contains(&id) {
                unknown.push(id);
            } else if !selected.contains(&id) {
                selected.push(id);
            }
        }
        if unknown.is_empty() {
            Ok(Self { persons, selected })
        } else {
            Err(Error::UnknownPerson { unknown, known })
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &Detection> {
        let find = |id: &usize| self.persons.iter().find(|person| person.person_id == *id);
        self.selected.iter().filter_map(find)
    }
}

/// What became of one person.
#[derive(Debug)]
pub struct PersonResult<T> {
    /// The person.
    pub person_id: usize,
    /// The result, or why there is none; others are not affected.
    pub result: Result<T, Error>,
}

/// A person cut out.
#[derive(Debug, Clone)]
pub struct PersonCutOut {
    /// The person.
    pub person: Detection,
    /// Picture, matte and place in the photo.
    pub cut_out: CutOut,
    /// The picture as PNG with straight alpha.
    pub png: Bytes,
    /// The model that made the matte.
    pub model: String,
    /// The device it ran on.
    pub device: String,
    /// Milliseconds from start to PNG, waiting included.
    pub ms: f64,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

impl Pipeline {
    /// Cuts the selected persons out, each on its own picture.
    ///
    /// Persons are worked on side by side; one that fails does not disturb the others.
    ///
    /// # Errors
    /// [`Error::Segmentation`] for options out of range, [`Error::Weights`] when the model is
    /// missing or wrong. What concerns one person is in that person's result.
    pub async fn cut_out(
        &self,
        photo: &Photo,
        selection: &Selection,
        options: &CutOutOptions,
    ) -> Result<Vec<PersonResult<PersonCutOut>>, Error> {
        self.cut_out_watched(photo, selection, options, &Progress::default()).await
    }

    /// [`Self::cut_out`], telling `progress`.
    ///
    /// # Errors
    /// As [`Self::cut_out`].
    pub async fn cut_out_watched(
        &self,
        photo: &Photo,
        selection: &Selection,
        options: &CutOutOptions,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<PersonCutOut>>, Error> {
        let this = self.admit()?;
        options.validate()?;
        let load = this.inner.engine.segmentation().open().await?;
        let jobs: Vec<_> = selection
            .wanted()
            .map(|person| {
                let others = selection.persons.iter().filter(|other| {
                    other.person_id != person.person_id && other.class == person.class
                });
                let others: Vec<Rect> = others.map(|other| pixels(other.bbox)).collect();
                let work = this.cut_one(&load, photo, *person, others, *options);
                let id = person.person_id;
                async move {
                    let result = progress.watch(Stage::Segmentation, Some(id), work).await;
                    PersonResult { person_id: id, result }
                }
            })
            .collect();
        let mut results: Vec<_> = stream::iter(jobs).buffered(AT_ONCE).collect().await;
        // A wrong checkpoint concerns everybody.
        let wrong = |person: &PersonResult<_>| matches!(person.result, Err(Error::Weights(_)));
        if let Some(index) = results.iter().position(wrong) {
            results.swap_remove(index).result?;
        }
        Ok(results)
    }

    async fn cut_one(
        &self,
        load: &Load,
        photo: &Photo,
        person: Detection,
        others: Vec<Rect>,
        options: CutOutOptions,
    ) -> Result<PersonCutOut, Error> {
        let start = Instant::now();
        let inner = &self.inner;
        let work = async {
            let image = photo.image().clone();
            let input = &inner.segmentation.manifest.input;
            let input_size = [input.width, input.height];
            let turn = Turn::new(&self.scheduling, photo.id());
            let person_box = pixels(person.bbox);
            let outside = portrait_segmentation::Error::BoxOutside { photo: image.dimensions() };
            let plan = crop_plan(image.dimensions(), person_box, options.padding)
                .ok_or(Error::Segmentation(outside))?;
            let prepare = move || {
                let crop = crop_photo(&image, plan.context);
                let input = preprocess(std::slice::from_ref(&crop), input_size, &Device::Cpu)?;
                Ok::<_, Error>((crop, input))
            };
            // Before the work: who would be refused is told at once.
            let place = inner.engine.segmentation_place(&turn)?;
            let (crop, input) = inner.cores.run("segmentation", prepare).await??;
            let forward = move |segmenter: &Segmenter| {
                let run = || {
                    let network = segmenter.network();
                    let input = input.to_device(segmenter.device())?.to_dtype(network.dtype())?;
                    // Copied out, and so finished, before the device is given on.
                    let logits = network.forward(&input)?.to_device(&Device::Cpu)?;
                    Ok::<_, portrait_segmentation::Error>(logits)
                };
                Ok(run()?)
            };
            let ran = inner.engine.segment(&turn, place, load.clone(), forward).await?;
            let finish = move || {
                let matte = mattes_from_logits(&ran.value, &[crop.dimensions()])?.swap_remove(0);
                let cut_out = finish_cut_out(&crop, matte, &plan, person_box, &others, &options);
                let cut_out = cut_out?;
                let png = encode_png(&cut_out.image)?;
                Ok::<_, Error>((cut_out, png, ran.device))
            };
            inner.cores.run("segmentation", finish).await?
        };
        let (cut_out, png, device) =
            within("segmentation", inner.timeouts.segmentation, work).await?;
        Ok(PersonCutOut {
            warnings: emptiness(&person, &cut_out),
            person,
            cut_out,
            png,
            model: inner.segmentation.manifest.id.clone(),
            device,
            ms: milliseconds(start.elapsed()),
        })
    }
}

/// The pixels a box touches.
fn pixels(bbox: BoundingBox) -> Rect {
    let (x, y) = (bbox.x1.max(0.0).floor() as u32, bbox.y1.max(0.0).floor() as u32);
    let (right, bottom) = (bbox.x2.max(0.0).ceil() as u32, bbox.y2.max(0.0).ceil() as u32);
    Rect { x, y, width: right.saturating_sub(x), height: bottom.saturating_sub(y) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn person(person_id: usize) -> Detection {
        Detection { person_id, bbox: BoundingBox::default(), confidence: 0.9, class: 0 }
    }

    #[test]
    fn a_selection_names_what_does_not_exist() {
        let persons = vec![person(0), person(1), person(2)];
        let selection = Selection::new(persons.clone(), &[2, 0, 2]).unwrap();
        let wanted: Vec<_> = selection.wanted().map(|person| person.person_id).collect();
        assert_eq!(wanted, [2, 0]);
        let error = Selection::new(persons, &[1, 7, 9]).unwrap_err();
        assert_eq!(error.code(), Code::PersonNotFound);
        assert_eq!(error.to_string(), "no person [7, 9] among those found: [0, 1, 2]");
    }

    #[test]
    fn a_box_covers_the_pixels_it_touches() {
        let bbox = BoundingBox { x1: -0.5, y1: 10.2, x2: 20.0, y2: 30.01 };
        assert_eq!(pixels(bbox), Rect { x: 0, y: 10, width: 20, height: 21 });
    }
}
