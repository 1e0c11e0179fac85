//! Which persons are wanted.

use crate::error::Error;
use image::math::Rect;
use portrait_detection::{BoundingBox, Detection};
use serde::{Deserialize, Serialize};

/// Which of the persons found are wanted; the others keep out of their pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

    /// The persons selected, in this order.
    pub fn wanted(&self) -> impl Iterator<Item = &Detection> {
        let find = |id: &usize| self.persons.iter().find(|person| person.person_id == *id);
        self.selected.iter().filter_map(find)
    }

    /// A person with the others that may be in its picture.
    pub(crate) fn apart(&self, person: &Detection) -> Wanted {
        let others = self
            .persons
            .iter()
            .filter(|other| other.person_id != person.person_id && other.class == person.class);
        Wanted { person: *person, others: others.map(|other| pixels(other.bbox)).collect() }
    }
}

/// A person to cut out.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) person: Detection,
    /// The boxes of the others, who keep out of its picture.
    pub(crate) others: Vec<Rect>,
}

/// The pixels a box touches.
pub(crate) fn pixels(bbox: BoundingBox) -> Rect {
    let (x, y) = (bbox.x1.max(0.0).floor() as u32, bbox.y1.max(0.0).floor() as u32);
    let (right, bottom) = (bbox.x2.max(0.0).ceil() as u32, bbox.y2.max(0.0).ceil() as u32);
    Rect { x, y, width: right.saturating_sub(x), height: bottom.saturating_sub(y) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn person(person_id: usize) -> Detection {
        Detection { person_id, bbox: BoundingBox::default(), confidence: 0.9, class: 0 }
    }

    #[test]
    fn a_box_covers_the_pixels_it_touches() {
        let bbox = BoundingBox { x1: -0.5, y1: 10.2, x2: 20.0, y2: 30.01 };
        assert_eq!(pixels(bbox), Rect { x: 0, y: 10, width: 20, height: 21 });
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
