use std::io::Cursor;
use std::time::Duration;

use futures::TryStreamExt;
use portrait_d_id::{
    Client, ClientBuilder, CreateRecovery, CreateTalk, Error, ImageUpload, RetryPolicy, Script,
    Talk, WaitOptions,
};
use portrait_d_id_fake::{FakeDid, TALK_MP4};

pub(crate) async fn fake() -> FakeDid {
    FakeDid::builder().video(TALK_MP4).start().await.unwrap()
}

/// A client of the server with pauses of milliseconds.
pub(crate) fn builder(fake: &FakeDid) -> ClientBuilder {
    Client::builder()
        .base_url(fake.base_url())
        .key(fake.key())
        .timeout(Duration::from_secs(5))
        .retry(RetryPolicy {
            first_pause: Duration::from_millis(4),
            max_pause: Duration::from_millis(16),
            ..RetryPolicy::default()
        })
        .create_recovery(CreateRecovery {
            looks: vec![Duration::from_millis(5), Duration::from_millis(30)],
            ..CreateRecovery::default()
        })
}

pub(crate) fn client(fake: &FakeDid) -> Client {
    builder(fake).build().unwrap()
}

pub(crate) fn wait_options() -> WaitOptions {
    WaitOptions {
        first_pause: Duration::from_millis(5),
        max_pause: Duration::from_millis(20),
        deadline: Duration::from_secs(10),
        ..WaitOptions::default()
    }
}

/// A PNG file of the given size.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]))
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
        .unwrap();
    bytes
}

/// A WAV file of silence: 16 kHz, 16 bit, one channel.
pub(crate) fn wav(seconds: u32) -> Vec<u8> {
    let data = 32_000 * seconds;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(32_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    bytes.resize(44 + data as usize, 0);
    bytes
}

/// Uploads a picture and makes an order of it.
pub(crate) async fn order(client: &Client) -> CreateTalk {
    let picture = ImageUpload::new(png(200, 200));
    let uploaded = client.images().upload(picture).await.unwrap();
    CreateTalk::new(uploaded.url, Script::text("Hello there."))
}

/// Creates a talk of a fresh picture and waits for its end.
pub(crate) async fn run_talk(client: &Client) -> Result<Talk, Error> {
    let created = client.talks().create(&order(client).await).await?;
    client.talks().wait(&created.id, &wait_options()).await
}

/// Downloads to memory.
pub(crate) async fn fetch(client: &Client, link: &str) -> Result<Vec<u8>, Error> {
    client
        .download(link)
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}
