//! Draws the picture at the top of README.md: a photo, a cut-out of each person on a checkerboard,
//! and a frame of each video.
//!
//! The videos are made by a stand-in for D-ID on this machine. They show the picture that it was
//! given, so this picture is the frame.
//!
//! `cargo run --release -p portrait-examples --example overview_picture -- photo.jpg overview.jpg`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb, RgbImage, RgbaImage};
use portrait_d_id_fake::FakeDid;
use portrait_examples::CommandLine;
use portrait_pipeline::d_id::{Client, WaitOptions};
use portrait_pipeline::{Background, Message, Request};
use std::fs::File;
use std::time::Duration;

/// Pixels: height of the pictures, space around them, a square of the checkerboard.
const HEIGHT: u32 = 400;
const SPACE: u32 = 48;
const SQUARE: u32 = 12;
/// Grey of the arrows between the pictures.
const ARROW: Rgb<u8> = Rgb([110; 3]);

#[tokio::main]
async fn main() -> Result<()> {
    let line = CommandLine::read(std::env::args().skip(1), "overview_picture PHOTO [PICTURE]")?;
    let photo = line.photo()?;
    let output = line.output.clone().unwrap_or_else(|| "overview.jpg".into());
    let d_id = FakeDid::builder().start().await?;
    let client = Client::builder().base_url(d_id.base_url()).key(d_id.key()).build()?;
    let pipeline = line.pipeline()?.d_id(client).build().await?;

    let mut message = Message::text("Hello! I have just learned to talk.");
    message.background = Background::Gradient { top: [203, 221, 240], bottom: [240, 245, 250] };
    message.wait = WaitOptions { first_pause: Duration::from_millis(50), ..WaitOptions::default() };
    let mut pictures = vec![RgbImage::clone(photo.image())];
    let outcome = pipeline.run(Request::new(photo).say(message)).await?;
    for person in outcome.cut_outs {
        pictures.push(on_checkerboard(&person.result?.cut_out.image));
    }
    for talk in d_id.talks() {
        let shown = d_id.uploaded(&talk.source_url).context("the picture of a talk is gone")?;
        let mut frame = scaled(image::load_from_memory(&shown)?);
        draw_player(&mut frame);
        pictures.push(frame);
    }

    let picture = in_a_row(pictures);
    let file = File::create(&output).with_context(|| output.display().to_string())?;
    JpegEncoder::new_with_quality(file, 88).encode_image(&picture)?;
    println!("{}", output.display());
    Ok(())
}

/// A picture in the height of all.
fn scaled(picture: impl Into<DynamicImage>) -> RgbImage {
    let picture = picture.into();
    picture.resize(u32::MAX, HEIGHT, FilterType::CatmullRom).into_rgb8()
}

/// Shows what is transparent.
fn on_checkerboard(cut_out: &RgbaImage) -> RgbImage {
    let cut_out = DynamicImage::from(cut_out.clone());
    let cut_out = cut_out.resize(u32::MAX, HEIGHT, FilterType::CatmullRom).into_rgba8();
    let mut board = RgbaImage::from_fn(cut_out.width(), cut_out.height(), |x, y| {
        let grey = if (x / SQUARE + y / SQUARE).is_multiple_of(2) { 255 } else { 214 };
        image::Rgba([grey, grey, grey, 255])
    });
    imageops::overlay(&mut board, &cut_out, 0, 0);
    DynamicImage::from(board).into_rgb8()
}

/// The sign for "play" and a bar for the time, at the lower edge.
fn draw_player(frame: &mut RgbImage) {
    let (width, height) = frame.dimensions();
    let (side, margin) = (24, 16);
    let (left, top) = (margin, height.saturating_sub(margin + side));
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        let (x, y) = (f64::from(x) - f64::from(left), f64::from(y) - f64::from(top));
        let side = f64::from(side);
        let triangle = (0.0..side).contains(&x) && (y - side / 2.0).abs() < (side - x) / 2.0;
        let bar_end = f64::from(width) - f64::from(2 * margin);
        let bar = (side + 12.0..bar_end).contains(&x) && (y - side / 2.0).abs() < 3.0;
        if triangle || bar {
            *pixel = Rgb([255; 3]);
        } else {
            // Darker towards the lower edge, so that the sign is seen on white too.
            let dark = 0.55 * ((y + 3.0 * side) / (4.0 * side)).clamp(0.0, 1.0);
            pixel.0 = pixel.0.map(|value| (f64::from(value) * (1.0 - dark)) as u8);
        }
    }
}

/// The pictures from left to right, with an arrow between each two.
fn in_a_row(pictures: Vec<RgbImage>) -> RgbImage {
    let pictures: Vec<_> = pictures.into_iter().map(scaled).collect();
    let width = pictures.iter().map(|picture| picture.width() + SPACE).sum::<u32>() - SPACE;
    let mut row = RgbImage::from_pixel(width, HEIGHT, Rgb([255; 3]));
    let mut left = 0;
    for picture in pictures {
        if left > 0 {
            draw_arrow(&mut row, left - SPACE);
        }
        imageops::overlay(&mut row, &picture, left.into(), 0);
        left += picture.width() + SPACE;
    }
    row
}

/// A triangle that points to the right, in the space that begins at `left`.
fn draw_arrow(row: &mut RgbImage, left: u32) {
    let side = SPACE / 2;
    for x in 0..side {
        let half = (side - x) / 2;
        for y in HEIGHT / 2 - half..HEIGHT / 2 + half {
            row.put_pixel(left + SPACE / 4 + x, y, ARROW);
        }
    }
}
