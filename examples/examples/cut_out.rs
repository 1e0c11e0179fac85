//! Cuts everybody in a photo out: a PNG with transparency for each person.
//!
//! `cargo run --release -p portrait-examples --example cut_out -- photo.jpg out`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result};
use portrait_examples::CommandLine;
use portrait_pipeline::{CutOutOptions, DetectOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let line = CommandLine::read(std::env::args().skip(1), "cut_out PHOTO [FOLDER]")?;
    let photo = line.photo()?;
    let folder = line.output.clone().unwrap_or_else(|| "out".into());
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let pipeline = line.pipeline()?.build().await?;

    let found = pipeline.detect(&photo, &DetectOptions::default()).await?;
    println!("{} persons, found by {} on {}", found.persons.len(), found.model, found.device);
    for warning in &found.warnings {
        println!("{}: {}", warning.code, warning.message);
    }

    // Somebody could choose here: `found.select(&[0, 2])?`. The others would still be kept out of
    // the pictures of those who were chosen.
    let everybody = found.select_all();
    let options = CutOutOptions { padding: 30, ..CutOutOptions::default() };
    for person in pipeline.cut_out(&photo, &everybody, &options).await? {
        // One person's failure does not concern the others.
        let cut_out = match person.result {
            Ok(cut_out) => cut_out,
            Err(error) => {
                println!("person {}: {}: {error}", person.person_id, error.code());
                continue;
            }
        };
        let file = folder.join(format!("person_{}.png", person.person_id));
        std::fs::write(&file, &cut_out.png).with_context(|| file.display().to_string())?;
        let (width, height) = cut_out.cut_out.image.dimensions();
        println!(
            "{}: {width} x {height} pixels, {:.0} % of it foreground, {:.0} ms by {}",
            file.display(),
            100.0 * cut_out.cut_out.coverage(),
            cut_out.ms,
            cut_out.model
        );
    }
    Ok(())
}
