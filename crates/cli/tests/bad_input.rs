//! Bad input ends with one clear line, the code of its kind and the exit code of its tier.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use image::{ExtendedColorType, ImageEncoder, RgbImage};
use std::path::PathBuf;
use support::{Portrait, tiny_birefnet};

/// Bytes of a picture in this format.
fn encoded(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 99]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG that says it measures 20000 x 20000 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let line = vec![0u8; 20_000];
    // The real file of a strip, whose header is then rewritten with the CRC of its new content.
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(&line, 20_000, 1, ExtendedColorType::L8).unwrap();
    bytes[20..24].copy_from_slice(&20_000u32.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// CRC-32 as PNG defines it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn each_bad_photo_is_told_by_its_code() {
    use image::ImageFormat::{Jpeg, Png};
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encoded(300, 200, Jpeg);
    let png = encoded(300, 200, Png);
    let mut heavy = png.clone();
    heavy.resize((10 << 20) + 1, 0);
    let mut gif = b"GIF89a".to_vec();
    gif.extend([44, 1, 200, 0, 0, 0, 0, 59]);
    let cases: [(&str, Vec<u8>, &str, &str); 10] = [
        ("empty.jpg", Vec::new(), "IMAGE_EMPTY", "0 bytes"),
        ("text.jpg", b"not a picture at all".to_vec(), "IMAGE_FORMAT_UNSUPPORTED", "a text file"),
        ("cut.jpg", jpeg[..jpeg.len() / 2].to_vec(), "IMAGE_DAMAGED", "cut off"),
        ("cut.png", png[..png.len() / 2].to_vec(), "IMAGE_DAMAGED", "cannot be decoded"),
        ("dot.png", encoded(1, 1, Png), "IMAGE_TOO_SMALL", "1 x 1"),
        ("thin.png", encoded(127, 300, Png), "IMAGE_TOO_SMALL", "127 x 300"),
        ("huge.png", huge_png(), "IMAGE_TOO_LARGE", "20000 x 20000"),
        ("wide.png", encoded(4097, 128, Png), "IMAGE_TOO_LARGE", "4097 x 128"),
        ("heavy.png", heavy, "IMAGE_TOO_LARGE", "10485761 bytes"),
        ("moving.gif", gif, "IMAGE_FORMAT_UNSUPPORTED", "GIF"),
    ];
    for (name, bytes, code, says) in cases {
        let photo = folder.path().join(name);
        std::fs::write(&photo, bytes).unwrap();
        Portrait::new("detect").arg(&photo).run().fails(12, &[name, code, says]);
        let out = folder.path().join("out");
        let cutout = Portrait::new("cutout --json").arg(&photo).option("-o", &out).run();
        cutout.fails(12, &[code]);
        let envelope: serde_json::Value = serde_json::from_str(&cutout.stdout()).unwrap();
        assert_eq!(envelope["success"], false);
        assert_eq!(envelope["error"]["code"], code);
        assert_eq!(envelope["error"]["tier"], 2);
        assert!(!out.exists(), "nothing is written");
    }
}

fn good_photo(folder: &tempfile::TempDir) -> PathBuf {
    let photo = folder.path().join("photo.png");
    std::fs::write(&photo, encoded(300, 200, image::ImageFormat::Png)).unwrap();
    photo
}

#[test]
fn missing_and_wrong_files() {
    let folder = tempfile::tempdir().unwrap();
    let photo = good_photo(&folder);
    let missing = folder.path().join("nobody.jpg");
    Portrait::new("detect").arg(&missing).run().fails(12, &["nobody.jpg", "cannot read"]);
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    Portrait::new("detect").arg(&empty).run().fails(12, &["cannot read", "no JPEG, PNG or WebP"]);
    Portrait::new("detect --model yolov8n")
        .arg(&photo)
        .run()
        .fails(12, &["WEIGHTS_MISSING", "yolov8n", "portrait models fetch yolov8n"]);
    Portrait::new("detect")
        .arg(&photo)
        .option("--weights", &missing)
        .run()
        .fails(12, &["WEIGHTS_MISSING", "nobody.jpg"]);
    Portrait::new("detect")
        .arg(&photo)
        .option("--weights", &photo)
        .run()
        .fails(12, &["WEIGHTS_INVALID", "not a safetensors file"]);
    Portrait::new("detect --model yolov8q")
        .arg(&photo)
        .run()
        .fails(12, &["UNKNOWN_MODEL", "yolov8q", "did you mean"]);
    Portrait::new("detect --model birefnet")
        .arg(&photo)
        .run()
        .fails(12, &["INVALID_OPTION", "birefnet", "yolov8"]);
}

#[test]
fn weights_of_another_model() {
    let folder = tempfile::tempdir().unwrap();
    let photo = good_photo(&folder);
    let other = tiny_birefnet(folder.path()).join("model.safetensors");
    Portrait::new("detect")
        .arg(&photo)
        .option("--weights", &other)
        .run()
        .fails(12, &["WEIGHTS_INVALID", "model.safetensors", "model.0.conv.weight"]);
    // Cut short: names the file, the expected and the found size.
    let bytes = std::fs::read(&other).unwrap();
    let cut = folder.path().join("cut.safetensors");
    std::fs::write(&cut, &bytes[..bytes.len() - 7]).unwrap();
    let (expected, found) = (bytes.len().to_string(), (bytes.len() - 7).to_string());
    Portrait::new("detect")
        .arg(&photo)
        .option("--weights", &cut)
        .run()
        .fails(12, &["WEIGHTS_INVALID", "cut.safetensors", &expected, &found]);
}

#[test]
fn options_out_of_range_and_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let photo = good_photo(&folder);
    let usage = |arguments: &str| {
        let run = Portrait::new(arguments).arg(&photo).run();
        assert!(run.stderr().contains("error:"), "{arguments}");
        run
    };
    for arguments in [
        "detect --device gpu",
        "detect --precision f8",
        "detect --rect --square",
        "detect --conf x",
        "video -o x",
    ] {
        let run = usage(arguments);
        assert!(run.stderr().contains("--help"), "{}", run.stderr());
    }
    Portrait::new("detect --device cuda:0")
        .arg(&photo)
        .run()
        .fails(11, &["DEVICE_UNAVAILABLE", "built without CUDA"]);
    for command in ["detect --device cpu --precision f16", "detect --device auto --precision bf16"]
    {
        Portrait::new(command)
            .arg(&photo)
            .run()
            .fails(12, &["INVALID_OPTION", "f32, tf32 or int8: a CPU runs no other"]);
    }
    Portrait::new("video --text hello --background purpel")
        .arg(&photo)
        .option("-o", folder.path())
        .run()
        .fails(2, &["purpel", "#rrggbb"]);
    Portrait::new("video --text hello")
        .arg(&photo)
        .option("-o", folder.path())
        .run()
        .fails(12, &["NOT_CONFIGURED", "D_ID_API_KEY"]);
}
