//! Persons that nobody had to find and cut out.

use image::RgbaImage;
use portrait_pipeline::Portrait;

/// A person of a picture.
pub(crate) fn person(person_id: usize, image: RgbaImage) -> Portrait {
    Portrait::new(person_id, image)
}
