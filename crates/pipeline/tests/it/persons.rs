//! Persons that nobody had to find and cut out.

use image::{Luma, RgbaImage, math::Rect};
use portrait_pipeline::segmentation::{CutOut, Matte};
use portrait_pipeline::{BoundingBox, Detection, PersonCutOut, encode_png};

/// A person of a picture, opaque where the picture is.
pub(crate) fn person(person_id: usize, image: RgbaImage) -> PersonCutOut {
    let (width, height) = image.dimensions();
    let matte =
        Matte::from_fn(width, height, |x, y| Luma([f32::from(image.get_pixel(x, y).0[3]) / 255.0]));
    let bbox = BoundingBox { x1: 0.0, y1: 0.0, x2: width as f32, y2: height as f32 };
    PersonCutOut {
        person: Detection { person_id, bbox, confidence: 0.9, class: 0 },
        png: encode_png(&image).unwrap(),
        cut_out: CutOut { image, matte, rect: Rect { x: 0, y: 0, width, height } },
        ms: 0.0,
        warnings: Vec::new(),
        model: "none".into(),
        device: "none".into(),
    }
}
