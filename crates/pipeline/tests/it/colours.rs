//! Colours: profiles are converted to sRGB, and what is transparent is laid on white.

use crate::pictures::{on_white, png_chunk, with_chunk, with_segment};
use crate::support::{encode, picture, texture};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage, imageops};
use moxcms::{ColorProfile, Layout, TransformOptions};
use portrait_pipeline::Photo;
use std::io::Write;

fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn iccp(profile: &[u8]) -> Vec<u8> {
    [b"a profile\0\0", packed(profile).as_slice()].concat()
}

/// The JPEG file with a profile in segments of `size` bytes, the last one first.
fn jpeg_with_profile(jpeg: &[u8], profile: &[u8], size: usize) -> Vec<u8> {
    let parts: Vec<&[u8]> = profile.chunks(size).collect();
    let mut file = jpeg.to_vec();
    for (index, part) in parts.iter().enumerate() {
        let numbers = [index as u8 + 1, parts.len() as u8];
        file = with_segment(&file, 0xe2, &[b"ICC_PROFILE\0", &numbers[..], part].concat());
    }
    file
}

fn image(file: Vec<u8>) -> RgbImage {
    Photo::decode(file).unwrap().image().as_ref().clone()
}

fn converted(picture: &RgbImage, profile: &ColorProfile) -> RgbImage {
    let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    let transform = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options);
    let mut rgb = vec![0; picture.as_raw().len()];
    transform.unwrap().transform(picture.as_raw(), &mut rgb).unwrap();
    RgbImage::from_raw(picture.width(), picture.height(), rgb).unwrap()
}

fn assert_near(a: &RgbImage, b: &RgbImage, levels: u8) {
    assert_eq!(a.dimensions(), b.dimensions());
    let most = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(most <= levels, "{most} levels apart");
}

#[test]
fn wide_colours_become_srgb_in_every_format() {
    let plain = texture(150, 140);
    for profile in [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb()] {
        let icc = profile.encode().unwrap();
        let want = converted(&plain, &profile);
        assert!(want != plain);
        let png =
            with_chunk(&encode(&plain.clone().into(), ImageFormat::Png), b"iCCP", &iccp(&icc));
        assert_near(&image(png), &want, 1);
        let webp = {
            let file = encode(&plain.clone().into(), ImageFormat::WebP);
            let chunk = |kind: &[u8; 4], data: &[u8]| {
                let mut chunk = [kind, &(data.len() as u32).to_le_bytes()[..], data].concat();
                chunk.resize(chunk.len().next_multiple_of(2), 0);
                chunk
            };
            let extended = [0x20, 0, 0, 0, 149, 0, 0, 139, 0, 0];
            let chunks = [chunk(b"VP8X", &extended), chunk(b"ICCP", &icc), file[12..].to_vec()];
            chunk(b"RIFF", &[b"WEBP", chunks.concat().as_slice()].concat())
        };
        assert_near(&image(webp), &want, 1);
        let jpeg = encode(&plain.clone().into(), ImageFormat::Jpeg);
        let want = converted(&image(jpeg.clone()), &profile);
        for size in [60_000, 100] {
            assert_near(&image(jpeg_with_profile(&jpeg, &icc, size)), &want, 1);
        }
    }
}

#[test]
fn display_p3_has_the_values_that_its_definition_gives() {
    // By the matrices of CSS Color 4: grey stays, and P3's greens leave sRGB's range.
    let plain = RgbImage::from_fn(128, 128, |x, _| match x / 43 {
        0 => Rgb([128, 128, 128]),
        1 => Rgb([200, 100, 50]),
        _ => Rgb([0, 255, 0]),
    });
    let icc = iccp(&ColorProfile::new_display_p3().encode().unwrap());
    let got = image(with_chunk(&encode(&plain.into(), ImageFormat::Png), b"iCCP", &icc));
    let near = |x: u32, want: [u8; 3]| {
        let got = got.get_pixel(x, 60).0;
        assert!(got.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 2), "{got:?} {want:?}");
    };
    near(10, [128, 128, 128]);
    near(60, [215, 93, 31]);
    near(120, [0, 255, 0]);
}

#[test]
fn grey_profiles_are_applied() {
    let grey = imageops::grayscale(&texture(140, 130));
    let file = encode(&DynamicImage::from(grey.clone()), ImageFormat::Png);
    let icc = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let got = image(with_chunk(&file, b"iCCP", &iccp(&icc)));
    for (got, stored) in got.pixels().zip(grey.pixels()) {
        let light = f32::from(stored.0[0]) / 255.0;
        let want = if light <= 0.003_130_8 {
            12.92 * light
        } else {
            1.055 * light.powf(1.0 / 2.4) - 0.055
        };
        let want = (want * 255.0).round();
        assert!(
            got.0.iter().all(|&value| (f32::from(value) - want).abs() <= 2.0),
            "{got:?} {want}"
        );
    }
}

#[test]
fn a_broken_or_foreign_profile_is_ignored() {
    let plain = texture(150, 140);
    let (png, jpeg) = (
        encode(&plain.clone().into(), ImageFormat::Png),
        encode(&plain.clone().into(), ImageFormat::Jpeg),
    );
    let stored = image(jpeg.clone());
    let good = ColorProfile::new_display_p3().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let broken: [&[u8]; 5] = [b"", b"A", &[0x41; 5000], &good[..good.len() / 2], &grey];
    for profile in broken {
        assert_eq!(image(with_chunk(&png, b"iCCP", &iccp(profile))), plain);
        assert_eq!(image(jpeg_with_profile(&jpeg, profile, 60_000)), stored);
    }
    assert_eq!(image(with_chunk(&png, b"iCCP", b"no end of the name")), plain);
    assert_eq!(image(with_chunk(&png, b"iCCP", b"not packed\0\0AAAA")), plain);
    // Two parts of three.
    let part = |number| [b"ICC_PROFILE\0", &[number, 3][..], &good].concat();
    let parts = with_segment(&with_segment(&jpeg, 0xe2, &part(1)), 0xe2, &part(2));
    assert_eq!(image(parts), stored);
    // Bits that flip in a profile never panic.
    for at in (0..good.len()).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        image(with_chunk(&png, b"iCCP", &iccp(&flipped)));
    }
}

#[test]
fn a_profile_of_srgb_changes_nothing() {
    let plain = texture(150, 140);
    let png = encode(&plain.clone().into(), ImageFormat::Png);
    let icc = iccp(&ColorProfile::new_srgb().encode().unwrap());
    assert_eq!(image(with_chunk(&png, b"iCCP", &icc)), plain);
}

#[test]
fn the_gamma_of_a_png_counts_where_nothing_better_does() {
    let plain = texture(150, 140);
    let png = encode(&plain.clone().into(), ImageFormat::Png);
    let gamma = |value: u32| value.to_be_bytes();
    assert_eq!(image(with_chunk(&png, b"gAMA", &gamma(45_455))), plain);
    assert_eq!(image(with_chunk(&png, b"gAMA", &gamma(0))), plain);
    let linear = with_chunk(&png, b"gAMA", &gamma(100_000));
    let bright = image(linear.clone());
    let mean = |picture: &RgbImage| picture.iter().map(|&value| u64::from(value)).sum::<u64>();
    assert!(mean(&bright) > mean(&plain) * 5 / 4);
    assert_eq!(image(with_chunk(&linear, b"sRGB", &[0])), plain);
    let icc = iccp(&ColorProfile::new_srgb().encode().unwrap());
    assert_eq!(image(with_chunk(&linear, b"iCCP", &icc)), plain);
    // The primaries of Display P3, with the gamma of sRGB.
    let primaries = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];
    let primaries: Vec<u8> = primaries.iter().flat_map(|&value| gamma(value)).collect();
    let file = with_chunk(&with_chunk(&png, b"gAMA", &gamma(45_455)), b"cHRM", &primaries);
    assert_near(&image(file), &converted(&plain, &ColorProfile::new_display_p3()), 2);
    // Display P3 in four numbers.
    let file = with_chunk(&png, b"cICP", &[12, 13, 0, 1]);
    assert_near(&image(file), &converted(&plain, &ColorProfile::new_display_p3()), 2);
}

#[test]
fn what_is_transparent_is_not_seen() {
    let colours = texture(150, 140);
    let picture = RgbaImage::from_fn(150, 140, |x, y| {
        let [red, green, blue] = colours.get_pixel(x, y).0;
        Rgba([red, green, blue, if x < 50 { 0 } else { (y + 100).min(255) as u8 }])
    });
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let file = encode(&picture.clone().into(), format);
        let photo = Photo::decode(file.clone()).unwrap();
        let want = on_white(&encode(&picture.clone().into(), ImageFormat::Png));
        assert_eq!(**photo.image(), want, "{format:?}");
        assert_eq!(photo.image().get_pixel(20, 20), &Rgb([255; 3]));
        let alpha = photo.alpha().unwrap();
        assert_eq!(alpha.dimensions(), (150, 140));
        assert!(alpha.pixels().zip(picture.pixels()).all(|(a, pixel)| a.0[0] == pixel.0[3]));
        assert_eq!(photo.bytes(), &file);
    }
}

#[test]
fn alpha_is_turned_with_the_photo_and_missing_where_all_is_opaque() {
    let picture = RgbaImage::from_fn(150, 140, |x, y| Rgba([9, 9, 9, (x / 2 + y) as u8]));
    let file = encode(&picture.clone().into(), ImageFormat::Png);
    let photo = Photo::decode(with_chunk(&file, b"eXIf", &crate::pictures::exif(6))).unwrap();
    let turned = imageops::rotate90(&picture);
    assert_eq!(photo.image().dimensions(), (140, 150));
    let alpha = photo.alpha().unwrap();
    assert!(alpha.pixels().zip(turned.pixels()).all(|(a, pixel)| a.0[0] == pixel.0[3]));
    let opaque = RgbaImage::from_pixel(150, 140, Rgba([1, 2, 3, 255]));
    assert!(Photo::decode(encode(&opaque.into(), ImageFormat::Png)).unwrap().alpha().is_none());
    for format in crate::support::FORMATS {
        let photo = Photo::decode(self::picture(format, 150, 140)).unwrap();
        assert!(photo.alpha().is_none());
    }
}

#[test]
fn of_an_animation_the_first_picture_counts() {
    let file = encode(&texture(140, 130).into(), ImageFormat::Png);
    let mut frame = [0u32, 140, 130, 0, 0].map(u32::to_be_bytes).concat();
    frame.extend([0, 1, 0, 100, 0, 0]);
    let animated = with_chunk(&file, b"fcTL", &frame);
    let animated = with_chunk(&animated, b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let end = animated.len() - 12;
    let second = png_chunk(b"fdAT", b"\0\0\0\x02not a picture");
    let animated = [&animated[..end], &second, &animated[end..]].concat();
    assert_eq!(image(animated), texture(140, 130));
}
