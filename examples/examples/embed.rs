//! The shortest program: everybody in a photo, each on a PNG of their own.
//!
//! `cargo run --release -p portrait-examples --example embed -- photo.jpg`

use portrait_pipeline::{CutOutOptions, DetectOptions, Photo, Pipeline};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pipeline = Pipeline::builder().models_on_this_machine().build().await?;

    let file = std::env::args().nth(1).unwrap_or("photo.jpg".into());
    let photo = Photo::decode(std::fs::read(file)?)?;
    let found = pipeline.detect(&photo, &DetectOptions::default()).await?;
    for person in pipeline.cut_out(&photo, &found.select_all(), &CutOutOptions::default()).await? {
        std::fs::write(format!("person_{}.png", person.person_id), person.result?.png)?;
    }
    Ok(())
}
