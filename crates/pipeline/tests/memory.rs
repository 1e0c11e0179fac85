//! Videos go through memory in pieces: fifty of 40 MB at once leave it flat.
//!
//! A program of its own, since the memory of a process is what is measured.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "the figures are the test's answer")]

#[path = "it/persons.rs"]
mod persons;

use image::{Rgba, RgbaImage};
use persons::person;
use portrait_d_id_fake::{FakeDid, TALK_MP4};
use portrait_pipeline::d_id::{Client, WaitOptions};
use portrait_pipeline::{Message, PhotoId, Pipeline, Storage};
use std::time::Duration;

const VIDEOS: usize = 50;
const SIZE: usize = 40_000_000;
/// What may come on top: the parts of eight megabytes of four downloads, twice, and buffers. Four
/// whole videos, which is what a client that gathers them would hold at once, are more.
const ALLOWED: u64 = 100_000_000;

const _: () = assert!(4 * SIZE as u64 > ALLOWED + ALLOWED / 2);

/// Bytes of memory this process has used at most, as Linux counts them; `None` elsewhere.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The prepared clip, with a box of nothing that makes it long.
fn long_video() -> Vec<u8> {
    let mut file = TALK_MP4.to_vec();
    file.extend(((SIZE - file.len()) as u32).to_be_bytes());
    file.extend(b"free");
    file.resize(SIZE, 7);
    file
}

#[tokio::test]
async fn fifty_videos_of_40_mb_leave_the_memory_flat() {
    let fake = FakeDid::builder().video(long_video()).start().await.unwrap();
    let client = Client::builder().base_url(fake.base_url()).key(fake.key()).build().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let storage = Storage::local(folder.path()).unwrap();
    let pipeline = Pipeline::builder().storage(storage).d_id(client).build().await.unwrap();
    let image = RgbaImage::from_pixel(160, 160, Rgba([200, 150, 120, 255]));
    let wait = WaitOptions { first_pause: Duration::from_millis(60), ..WaitOptions::default() };
    let message = Message { wait, ..Message::text("Hello there.") };
    // Fifty requests of one person each, all at once: the bound is the client's.
    let persons: Vec<_> = (0..VIDEOS).map(|id| person(id, image.clone())).collect();
    let before = peak();
    let requests = persons.iter().map(|person| {
        let person = std::slice::from_ref(person);
        pipeline.animate(PhotoId::generate(), person, &message)
    });
    let requests: Vec<_> = requests.collect();
    for videos in futures::future::join_all(requests).await {
        let video = videos.unwrap().remove(0).result.unwrap();
        assert_eq!(video.bytes, SIZE as u64);
        pipeline.storage().delete(video.key).await.unwrap();
    }
    let (Some(before), Some(after)) = (before, peak()) else {
        println!("no /proc here: the memory is not measured");
        return;
    };
    println!(
        "{VIDEOS} videos of {SIZE} bytes took the memory from {} MB to {} MB at most",
        before / 1_000_000,
        after / 1_000_000
    );
    assert!(after - before < ALLOWED, "{} MB more", (after - before) / 1_000_000);
}
