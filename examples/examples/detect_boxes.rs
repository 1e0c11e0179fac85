//! Finds the persons in a photo and draws their boxes into a copy of it.
//!
//! `cargo run --release -p portrait-examples --example detect_boxes -- photo.jpg boxes.png`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result};
use image::{Rgb, RgbImage};
use portrait_examples::CommandLine;
use portrait_pipeline::{BoundingBox, DetectOptions};

/// Pixels of a line.
const LINE: u32 = 3;
/// One colour for each person, then again from the first.
const COLOURS: [[u8; 3]; 4] = [[255, 59, 48], [0, 122, 255], [52, 199, 89], [255, 204, 0]];

#[tokio::main]
async fn main() -> Result<()> {
    let line = CommandLine::read(std::env::args().skip(1), "detect_boxes PHOTO [PICTURE]")?;
    let photo = line.photo()?;
    let output = line.output.clone().unwrap_or_else(|| "boxes.png".into());
    let pipeline = line.pipeline()?.build().await?;

    let found = pipeline.detect(&photo, &DetectOptions::default()).await?;
    let mut picture = RgbImage::clone(photo.image());
    for person in &found.persons {
        let BoundingBox { x1, y1, x2, y2 } = person.bbox;
        println!(
            "person {}: {:.0} % sure, from ({x1:.0}, {y1:.0}) to ({x2:.0}, {y2:.0})",
            person.person_id,
            100.0 * person.confidence
        );
        draw(&mut picture, person.bbox, Rgb(COLOURS[person.person_id % COLOURS.len()]));
    }
    picture.save(&output).with_context(|| output.display().to_string())?;
    println!("{}", output.display());
    Ok(())
}

/// Draws the edge of a box, inwards; boxes lie within the picture.
fn draw(picture: &mut RgbImage, bbox: BoundingBox, colour: Rgb<u8>) {
    let (left, top) = (bbox.x1 as u32, bbox.y1 as u32);
    let right = (bbox.x2.ceil() as u32).min(picture.width());
    let bottom = (bbox.y2.ceil() as u32).min(picture.height());
    for y in top..bottom {
        for x in left..right {
            let from_edge = (x - left).min(right - 1 - x).min(y - top).min(bottom - 1 - y);
            if from_edge < LINE {
                picture.put_pixel(x, y, colour);
            }
        }
    }
}
