//! The videos are files that play, and show the picture that was uploaded.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use image::{Rgb, RgbImage};
use portrait_d_id_fake::{FakeDid, TALK_MP4};
use tokio::time::sleep;

use crate::caller::{Caller, order};

/// The boxes of an MP4 file or of one of its boxes: type and content (ISO/IEC 14496-12, 4.2).
fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        let kind = String::from_utf8(bytes[4..8].to_vec()).unwrap();
        assert!((8..=bytes.len()).contains(&size), "{kind}: {size} of {}", bytes.len());
        found.push((kind, &bytes[8..size]));
        bytes = &bytes[size..];
    }
    found
}

fn child<'a>(bytes: &'a [u8], kind: &str) -> &'a [u8] {
    let all = boxes(bytes);
    all.iter().find(|(name, _)| name == kind).unwrap_or_else(|| panic!("no {kind}")).1
}

#[track_caller]
fn is_whole(file: &[u8], seconds: f64) {
    let top: Vec<String> = boxes(file).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(top.first().unwrap(), "ftyp");
    let at = |kind: &str| top.iter().position(|name| name == kind).unwrap();
    // The index comes first, so that a player can start before the end has come.
    assert!(at("moov") < at("mdat"));
    let moov = child(file, "moov");
    let mvhd = child(moov, "mvhd");
    assert_eq!(mvhd[0], 0);
    let number = |at: usize| u32::from_be_bytes(mvhd[at..at + 4].try_into().unwrap());
    let (scale, duration) = (number(12), number(16));
    assert!((f64::from(duration) / f64::from(scale) - seconds).abs() < 0.05);
    let mut handlers = Vec::new();
    for (_, track) in boxes(moov).iter().filter(|(kind, _)| kind == "trak") {
        let media = child(track, "mdia");
        handlers.push(String::from_utf8(child(media, "hdlr")[8..12].to_vec()).unwrap());
        let entries = &child(child(child(media, "minf"), "stbl"), "stsd")[8..];
        let expected = if handlers.last().unwrap() == "vide" { "avc1" } else { "mp4a" };
        assert_eq!(boxes(entries)[0].0, expected);
    }
    assert_eq!(handlers, ["vide", "soun"]);
}

#[test]
fn the_prepared_video_is_a_whole_mp4_file() {
    assert!(TALK_MP4.len() < 20_000);
    is_whole(TALK_MP4, 2.0);
}

/// Four fields of different colours, and a bright disc in the middle.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (fx, fy) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        if (fx - 0.5).hypot(fy - 0.5) < 0.2 {
            return Rgb([250, 240, 200]);
        }
        match (fx < 0.5, fy < 0.5) {
            (true, true) => Rgb([200, 30, 30]),
            (false, true) => Rgb([30, 160, 60]),
            (true, false) => Rgb([40, 60, 190]),
            (false, false) => Rgb([120, 120, 120]),
        }
    })
}

async fn video_of(picture: &RgbImage, text: &str) -> Vec<u8> {
    let caller = Caller::to(FakeDid::builder().talk_duration(Duration::ZERO)).await;
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    let uploaded = caller.upload(bytes).await.1;
    let mut body = order(&uploaded["url"]);
    body["script"]["input"] = text.into();
    let talk = caller.post("talks", &body).await.1;
    // What becomes of the picture afterwards does not matter.
    caller.delete(&format!("images/{}", uploaded["id"].as_str().unwrap())).await;
    sleep(Duration::from_millis(5)).await;
    let done = caller.get(&format!("talks/{}", talk["id"].as_str().unwrap())).await.1;
    let link = done["result_url"].as_str().unwrap();
    let first = caller.http.get(link).send().await.unwrap().bytes().await.unwrap();
    // The same bytes every time: a cut-off download can go on.
    assert_eq!(caller.http.get(link).send().await.unwrap().bytes().await.unwrap(), first);
    first.to_vec()
}

#[tokio::test]
async fn the_video_shows_the_uploaded_picture() {
    for (width, height) in [(640, 480), (200, 333), (161, 170)] {
        let picture = picture(width, height);
        // 45 characters are 3 s.
        let file = video_of(&picture, &"a".repeat(45)).await;
        is_whole(&file, 3.0);
        assert!(file.len() < 600_000, "{} bytes", file.len());
        let folder = std::env::temp_dir().join(format!("d-id-fake-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("talk.mp4");
        std::fs::write(&path, &file).unwrap();
        let frames = frames(&path);
        std::fs::remove_dir_all(&folder).unwrap();
        let Some((shown_width, shown_height, frames)) = frames else {
            println!("no ffmpeg here: the pixels of the video are not looked at");
            return;
        };
        let ratio = f64::from(shown_width) / f64::from(shown_height);
        assert!((ratio / (f64::from(width) / f64::from(height)) - 1.0).abs() < 0.01);
        assert_eq!(frames.len(), 75);
        for frame in [&frames[0], &frames[74]] {
            // The middles of the fields and the disc.
            for (fx, fy) in [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8), (0.5, 0.5)] {
                let at = |w: u32, h: u32| ((f64::from(w) * fx) as u32, (f64::from(h) * fy) as u32);
                let (x, y) = at(width, height);
                let (sx, sy) = at(shown_width, shown_height);
                let (wanted, found) = (picture.get_pixel(x, y), frame.get_pixel(sx, sy));
                let far = wanted.0.iter().zip(found.0).any(|(a, b)| a.abs_diff(b) > 4);
                assert!(!far, "{fx},{fy}: {wanted:?} became {found:?}");
            }
        }
    }
}

/// Every frame, decoded by ffmpeg; `None` where there is none. Fails on anything it complains of.
fn frames(path: &Path) -> Option<(u32, u32, Vec<RgbImage>)> {
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height"])
        .args(["-of", "csv=p=0"])
        .arg(path)
        .output()
        .ok()?;
    let size = String::from_utf8(probe.stdout).unwrap();
    let (width, height) = size.trim().split_once(',').unwrap();
    let (width, height): (u32, u32) = (width.parse().unwrap(), height.parse().unwrap());
    let decoded = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(path)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-"])
        .output()
        .ok()?;
    let complaints = String::from_utf8_lossy(&decoded.stderr);
    assert!(decoded.status.success() && complaints.is_empty(), "{complaints}");
    let size = (width * height * 3) as usize;
    let frame = |raw: &[u8]| RgbImage::from_raw(width, height, raw.to_vec()).unwrap();
    Some((width, height, decoded.stdout.chunks_exact(size).map(frame).collect()))
}
