//! The whole flow: a photo in, a talking video of each person out.
//!
//! The talks are made by a stand-in for D-ID on this machine, whose videos zoom slowly into the
//! person's picture. It needs no account and costs nothing.
//!
//! `cargo run --release -p portrait-examples --example talking_portrait -- photo.jpg out`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result};
use portrait_d_id_fake::FakeDid;
use portrait_examples::CommandLine;
use portrait_pipeline::d_id::{Client, WaitOptions};
use portrait_pipeline::{Context as Caller, Message, Progress, Request};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    let line = CommandLine::read(std::env::args().skip(1), "talking_portrait PHOTO [FOLDER]")?;
    let photo = line.photo()?;
    let folder = line.output.clone().unwrap_or_else(|| "out".into());
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;

    // For the real D-ID: `Client::builder().key(key).build()?`, and nothing else changes.
    let d_id = FakeDid::builder().start().await?;
    let client = Client::builder().base_url(d_id.base_url()).key(d_id.key()).build()?;
    // Photos, cut-outs and videos are kept in memory here; `.storage(Storage::local("data")?)`
    // would keep them in a folder.
    let pipeline = line.pipeline()?.d_id(client).build().await?;

    let mut message = Message::text("Hello! I have just learned to talk.");
    // The stand-in is faster than D-ID.
    message.wait =
        WaitOptions { first_pause: Duration::from_millis(100), ..WaitOptions::default() };
    let progress = Progress::new(|event| {
        println!("{}", serde_json::to_string(&event).unwrap_or_default());
    });
    let told = pipeline.with(Caller { progress, ..Caller::default() });
    let outcome = told.run(Request::new(photo).say(message)).await?;

    for warning in outcome.warnings() {
        println!("{}: {}", warning.code, warning.message);
    }
    for person in outcome.videos {
        match person.result {
            Ok(video) => {
                let file = folder.join(format!("person_{}.mp4", person.person_id));
                let bytes = pipeline.storage().get(video.key).await?;
                std::fs::write(&file, &bytes).with_context(|| file.display().to_string())?;
                println!("{}: {} bytes", file.display(), video.bytes);
            }
            Err(error) => println!("person {}: {}: {error}", person.person_id, error.code()),
        }
    }
    Ok(())
}
