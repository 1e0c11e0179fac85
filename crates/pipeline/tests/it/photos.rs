//! Photos in awkward formats show the same persons as plain ones; photos without persons none.

use crate::pictures::{indexed_png, on_white, quantised, without_exif};
use crate::support::{assert_error, detecting_pipeline, encode, photo_file};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, imageops};
use portrait_pipeline::{
    BoundingBox, Code, DetectOptions, Detection, Error, Photo, Pipeline, Tier,
};

async fn persons(pipeline: &Pipeline, file: Vec<u8>) -> Vec<Detection> {
    let photo = Photo::decode(file).unwrap();
    let found = pipeline.detect(&photo, &DetectOptions::default()).await.unwrap();
    assert_eq!((found.image.width, found.image.height), photo.image().dimensions());
    assert_eq!((found.model.as_str(), found.device.as_str()), ("yolov8n", "cpu"));
    found.persons
}

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encode(&picture.into(), ImageFormat::Png)
}

fn rgb(file: &[u8]) -> RgbImage {
    image::load_from_memory(file).unwrap().into_rgb8()
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[tokio::test]
async fn turned_photos_are_turned_back() {
    let (Some(pipeline), Some(upright)) = (detecting_pipeline().await, photo_file("astronaut.png"))
    else {
        return;
    };
    let picture = rgb(&upright);
    let original = persons(&pipeline, upright).await;
    assert_eq!(original.len(), 1);
    for orientation in [3, 6, 8] {
        let file = photo_file(&format!("astronaut_exif{orientation}.jpg")).unwrap();
        let stored = Photo::decode(without_exif(&file)).unwrap().image().as_ref().clone();
        let turned = match orientation {
            3 => imageops::rotate180(&stored),
            6 => imageops::rotate90(&stored),
            _ => imageops::rotate270(&stored),
        };
        let difference = mean_difference(&turned, &picture);
        assert!(difference < 4.0, "orientation {orientation}: {difference} levels");
        let found = persons(&pipeline, file).await;
        assert_eq!(found, persons(&pipeline, png(turned)).await, "orientation {orientation}");
        // The pixels went through JPEG, so they are not quite those of the original: its person is
        // found in the same place, beside others that are hardly above the threshold.
        let edges = |b: BoundingBox| [b.x1, b.y1, b.x2, b.y2];
        for (found, original) in edges(found[0].bbox).iter().zip(edges(original[0].bbox)) {
            assert!((found - original).abs() < 4.0, "{orientation}: {found} {original}");
        }
        assert!((found[0].confidence - original[0].confidence).abs() < 0.05, "{orientation}");
        assert!(found[1..].iter().all(|other| other.confidence < 0.3), "{found:?}");
    }
}

#[tokio::test]
async fn an_alpha_channel_hides_what_is_under_it() {
    let (Some(pipeline), Some(file)) =
        (detecting_pipeline().await, photo_file("astronaut_rgba.png"))
    else {
        return;
    };
    assert!(image::load_from_memory(&file).unwrap().color().has_alpha());
    let plain = persons(&pipeline, png(on_white(&file))).await;
    assert_eq!(persons(&pipeline, file).await, plain);
    // The strip without opacity hides none of the person.
    let whole = persons(&pipeline, photo_file("astronaut.png").unwrap()).await;
    assert_eq!(plain.len(), whole.len());
}

#[tokio::test]
async fn a_palette_is_the_colours_it_holds() {
    let (Some(pipeline), Some(file)) = (detecting_pipeline().await, photo_file("astronaut.png"))
    else {
        return;
    };
    let picture = rgb(&file);
    let (width, height) = picture.dimensions();
    let (twin, indices) = quantised(&picture);
    let twin = persons(&pipeline, png(twin)).await;
    assert_eq!(twin.len(), 1);
    for alpha in [&[][..], &[0, 60, 255, 200]] {
        let indexed = indexed_png(width, height, &indices, alpha);
        if alpha.is_empty() {
            assert_eq!(persons(&pipeline, indexed).await, twin);
        } else {
            // The darkest colours are transparent, which changes what is seen.
            let photo = Photo::decode(indexed.clone()).unwrap();
            assert_eq!(**photo.image(), on_white(&indexed), "alpha {alpha:?}");
        }
    }
}

#[tokio::test]
async fn sixteen_bits_are_eight_bits_with_more_digits() {
    let (Some(pipeline), Some(file)) = (detecting_pipeline().await, photo_file("astronaut.png"))
    else {
        return;
    };
    let picture = rgb(&file);
    let (width, height) = picture.dimensions();
    let plain = persons(&pipeline, file).await;
    let deep = |value: u8| u16::from(value) * 257;
    let sixteen =
        ImageBuffer::from_fn(width, height, |x, y| Rgb(picture.get_pixel(x, y).0.map(deep)));
    assert_eq!(persons(&pipeline, png(sixteen)).await, plain);
    let with_alpha = ImageBuffer::from_fn(width, height, |x, y| {
        let [red, green, blue] = picture.get_pixel(x, y).0.map(deep);
        Rgba([red, green, blue, 30_000])
    });
    let with_alpha = png(with_alpha);
    let want = persons(&pipeline, png(on_white(&with_alpha))).await;
    assert_eq!(persons(&pipeline, with_alpha).await, want);
}

#[tokio::test]
async fn grey_is_three_equal_colours() {
    for name in ["grace_hopper_gray.png", "camera.png"] {
        let (Some(pipeline), Some(file)) = (detecting_pipeline().await, photo_file(name)) else {
            return;
        };
        let grey = image::load_from_memory(&file).unwrap();
        assert!(!grey.color().has_color(), "{name}");
        let grey = grey.into_luma8();
        let (width, height) = grey.dimensions();
        let at = |x, y| grey.get_pixel(x, y).0[0];
        let coloured = RgbImage::from_fn(width, height, |x, y| Rgb([at(x, y); 3]));
        let want = persons(&pipeline, png(coloured)).await;
        assert!(!want.is_empty(), "{name}");
        assert_eq!(persons(&pipeline, file).await, want, "{name}");
        let deep = ImageBuffer::from_fn(width, height, |x, y| Luma([u16::from(at(x, y)) * 257]));
        assert_eq!(persons(&pipeline, png(deep)).await, want, "{name} in 16 bits");
        let veiled = ImageBuffer::from_fn(width, height, |x, y| LumaA([at(x, y), (x % 256) as u8]));
        let veiled = png(veiled);
        let photo = Photo::decode(veiled.clone()).unwrap();
        assert_eq!(**photo.image(), on_white(&veiled), "{name} with alpha");
    }
}

#[tokio::test]
async fn lossless_webp_shows_the_same() {
    let (Some(pipeline), Some(file)) = (detecting_pipeline().await, photo_file("astronaut.png"))
    else {
        return;
    };
    let webp = encode(&rgb(&file).into(), ImageFormat::WebP);
    let plain = persons(&pipeline, file).await;
    assert_eq!(persons(&pipeline, webp).await, plain);
}

#[tokio::test]
async fn photos_without_people_have_no_person() {
    for name in ["coffee.png", "chelsea.png", "rocket.jpg", "logo.png"] {
        let (Some(pipeline), Some(file)) = (detecting_pipeline().await, photo_file(name)) else {
            return;
        };
        let photo = Photo::decode(file).unwrap();
        let found = pipeline.detect(&photo, &DetectOptions::default()).await;
        let error = found.map(|found| panic!("{name}: {:?}", found.persons)).unwrap_err();
        assert!(matches!(error, Error::NoPerson { .. }), "{name}: {error}");
        assert_error(&error, Code::NoPersonDetected, Tier::High);
        assert_eq!(error.code().as_str(), "NO_PERSON_DETECTED");
        assert!(error.to_json()["error"]["details"]["tips"].is_array());
    }
}
