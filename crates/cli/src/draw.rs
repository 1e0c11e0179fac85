//! A copy of a photo with what was found drawn into it.

use crate::error::CliError;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use portrait_pipeline::{Detection, encode_rgb_png};
use std::io;
use std::path::Path;

/// Colours that are told apart by most eyes (Okabe and Ito, 2008), for one person after another.
const COLOURS: [[u8; 3]; 6] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [213, 94, 0], [204, 121, 167]];
/// A letter: rows of bits, the leftmost pixel in bit 2.
type Letter = [u8; 5];
const DIGITS: [Letter; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 1, 1],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];
const POINT: Letter = [0, 0, 0, 0, 2];
const SPACE: Letter = [0; 5];
const JPEG_QUALITY: u8 = 90;

/// The photo with a rectangle around each person, its number and its confidence, as the file that
/// this place names: PNG, or JPEG.
pub(crate) fn drawn(
    photo: &RgbImage,
    persons: &[Detection],
    place: &Path,
) -> Result<Vec<u8>, CliError> {
    let mut picture = photo.clone();
    for person in persons {
        draw(&mut picture, person);
    }
    let jpeg = place.extension().is_some_and(|extension| {
        ["jpg", "jpeg"].into_iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if !jpeg {
        return Ok(encode_rgb_png(&picture)?.to_vec());
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(&picture)
        .map_err(|error| CliError::file(place, "encode")(io::Error::other(error)))?;
    Ok(bytes)
}

fn draw(picture: &mut RgbImage, person: &Detection) {
    let (width, height) = picture.dimensions();
    // Thin enough to see what is below, thick enough where the picture is shown small.
    let line = (width.max(height) / 400).max(2);
    let colour = COLOURS[person.person_id % COLOURS.len()];
    let side = |at: f32, end: u32| (at.max(0.0) as u32).min(end.saturating_sub(1));
    let (x1, y1) = (side(person.bbox.x1, width), side(person.bbox.y1, height));
    let (x2, y2) = (side(person.bbox.x2, width), side(person.bbox.y2, height));
    let (across, down) = (x2 - x1.min(x2) + 1, y2 - y1.min(y2) + 1);
    fill(picture, [x1, y1, across, line.min(down)], colour);
    fill(picture, [x1, (y2 + 1).saturating_sub(line), across, line], colour);
    fill(picture, [x1, y1, line.min(across), down], colour);
    fill(picture, [(x2 + 1).saturating_sub(line), y1, line, down], colour);
    let text = format!("{} {:.2}", person.person_id, person.confidence);
    label(picture, [x1, y1], 2 * line, colour, &text);
}

/// Black letters of 3 x 5 points on a field of this colour, inside the corner at `x`, `y`.
fn label(picture: &mut RgbImage, [x, y]: [u32; 2], point: u32, colour: [u8; 3], text: &str) {
    let width = (4 * text.chars().count() as u32 + 1) * point;
    fill(picture, [x, y, width, 7 * point], colour);
    for (index, character) in text.chars().enumerate() {
        let letter = match character {
            '.' => POINT,
            _ => character.to_digit(10).map_or(SPACE, |digit| DIGITS[digit as usize]),
        };
        let left = x + (4 * index as u32 + 1) * point;
        for (row, bits) in letter.into_iter().enumerate() {
            for column in (0..3).filter(|column| bits & (4 >> column) != 0) {
                let at = [left + column * point, y + (row as u32 + 1) * point, point, point];
                fill(picture, at, [0; 3]);
            }
        }
    }
}

/// What of the rectangle lies in the picture.
fn fill(picture: &mut RgbImage, [x, y, width, height]: [u32; 4], colour: [u8; 3]) {
    let (right, bottom) = picture.dimensions();
    for y in y..y.saturating_add(height).min(bottom) {
        for x in x..x.saturating_add(width).min(right) {
            picture.put_pixel(x, y, Rgb(colour));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portrait_pipeline::BoundingBox;

    #[test]
    fn the_box_and_its_label_are_drawn_and_nothing_else() {
        let mut picture = RgbImage::new(200, 100);
        let bbox = BoundingBox { x1: 20.4, y1: 10.9, x2: 180.2, y2: 90.0 };
        draw(&mut picture, &Detection { person_id: 1, bbox, confidence: 0.5, class: 0 });
        let colour = Rgb(COLOURS[1]);
        for (x, y) in [(20, 10), (180, 10), (20, 90), (180, 90), (21, 50), (100, 89), (179, 60)] {
            assert_eq!(*picture.get_pixel(x, y), colour, "{x} {y}");
        }
        for (x, y) in [(19, 50), (22, 60), (100, 50), (181, 50), (100, 91), (100, 9)] {
            assert_eq!(*picture.get_pixel(x, y), Rgb([0; 3]), "{x} {y}");
        }
        // A box beyond the borders does no harm.
        let bbox = BoundingBox { x1: -50.0, y1: -5.0, x2: 900.0, y2: 500.0 };
        draw(&mut picture, &Detection { person_id: 12, bbox, confidence: 1.0, class: 0 });
        assert_eq!(*picture.get_pixel(199, 99), Rgb(COLOURS[0]));
    }
}
