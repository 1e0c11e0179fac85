//! Makes a picture talk, against a stand-in of the API on this machine:
//!
//! ```sh
//! cargo run -p portrait-d-id --example talk -- PICTURE OUTPUT.mp4
//! ```
//!
//! Without arguments it draws a picture itself and writes `talk.mp4` into the temporary folder.
//! With `D_ID_KEY` in the environment it talks to the real API, which takes credits.
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use futures::TryStreamExt;
use portrait_d_id::{Client, CreateTalk, ImageUpload, Provider, Script, WaitOptions};
use portrait_d_id_fake::FakeDid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let photo = match arguments.next() {
        Some(path) => std::fs::read(path)?,
        None => drawn()?,
    };
    let output = arguments.next().unwrap_or_else(|| std::env::temp_dir().join("talk.mp4"));

    // The stand-in runs until it is dropped.
    let (client, pause, _stand_in) = match std::env::var("D_ID_KEY") {
        Ok(key) => (Client::builder().key(key).build()?, Duration::from_secs(3), None),
        Err(_) => {
            let fake = FakeDid::builder().start().await?;
            let client = Client::builder().base_url(fake.base_url()).key(fake.key()).build()?;
            (client, Duration::from_millis(50), Some(fake))
        }
    };

    let picture = client.images().upload(ImageUpload::new(photo)).await?;
    println!("picture at {}", picture.url);
    let voice = Provider::microsoft("en-US-JennyNeural");
    let order =
        CreateTalk::new(picture.url, Script::text("Hello, nice to meet you.").spoken_by(voice));
    let talk = client.talks().create(&order).await?;
    let options = WaitOptions { first_pause: pause, ..WaitOptions::default() };
    let talk = client
        .talks()
        .wait_with(&talk.id, &options, |talk| println!("{}: {}", talk.id, talk.status))
        .await?;

    let link = talk.result_url.ok_or("the talk has no link")?;
    let mut video = Vec::new();
    let mut pieces = client.download(&link);
    while let Some(piece) = pieces.try_next().await? {
        video.extend_from_slice(&piece);
    }
    std::fs::write(&output, &video)?;
    println!("{} bytes in {}", video.len(), output.display());
    println!("{} credits left", client.credits().await?.remaining);
    Ok(())
}

/// A plain picture of 256 x 256 pixels.
fn drawn() -> Result<Vec<u8>, image::ImageError> {
    let picture = image::RgbImage::from_fn(256, 256, |x, y| image::Rgb([x as u8, y as u8, 128]));
    let mut bytes = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    Ok(bytes)
}
