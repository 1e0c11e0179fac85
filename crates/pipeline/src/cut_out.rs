//! The second step: selected persons on a transparent background.

use crate::catalogue::Warning;
use crate::group::{Call, Wanted, pixels};
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::{Error, Photo};
use bytes::Bytes;
use futures::{StreamExt, stream};
use portrait_detection::Detection;
use portrait_segmentation::{CutOut, CutOutOptions};

/// Persons of one photo that are in work at once, one on the device and others before and after it;
/// but at least two runs of those that go together.
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

    /// A person with the others that may be in its picture.
    fn apart(&self, person: &Detection) -> Wanted {
        let others = self
            .persons
            .iter()
            .filter(|other| other.person_id != person.person_id && other.class == person.class);
        Wanted { person: *person, others: others.map(|other| pixels(other.bbox)).collect() }
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
    /// Persons are worked on side by side, and in runs of several where
    /// [`Batching::persons`](crate::Batching::persons) says so; one that fails does not disturb the
    /// others.
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
        let engine = &this.inner.engine;
        let load = engine.segmentation().open().await?;
        let together = engine.persons_together();
        let wanted: Vec<Wanted> =
            selection.wanted().map(|person| selection.apart(person)).collect();
        let call = Call { pipeline: &this, photo, load, options, progress };
        let groups: Vec<_> = wanted.chunks(together).map(|group| call.cut(group)).collect();
        let at_once = AT_ONCE.div_ceil(together).max(2);
        let results: Vec<_> = stream::iter(groups).buffered(at_once).collect().await;
        let mut results: Vec<_> = results.into_iter().flatten().collect();
        // A wrong checkpoint concerns everybody.
        let wrong = |person: &PersonResult<_>| matches!(person.result, Err(Error::Weights(_)));
        if let Some(index) = results.iter().position(wrong) {
            results.swap_remove(index).result?;
        }
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoundingBox, Code};

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
}
