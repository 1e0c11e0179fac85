use portrait_d_id::{Error, ImageUpload, ListVoices, VoiceAccess, VoiceProvider};
use portrait_d_id_fake::{FakeDid, Fault, Route};

use crate::support::{client, fake, png};

#[tokio::test]
async fn voices_are_listed_and_filtered() {
    let fake = fake().await;
    let client = client(&fake);
    let all = client.voices().list(&ListVoices::default()).await.unwrap();
    assert!(all.len() > 3);
    assert!(all.iter().all(|voice| voice.access == Some(VoiceAccess::Public)));
    let amazon = ListVoices { provider: Some(VoiceProvider::Amazon), id: None };
    let amazon = client.voices().list(&amazon).await.unwrap();
    assert_eq!(amazon.len(), 1);
    assert_eq!(amazon[0].languages[0].locale.as_deref(), Some("en-US"));
    let jenny = ListVoices { provider: None, id: Some("en-US-JennyNeural".into()) };
    fake.fault(Route::Voices, Fault::html(502, ""));
    let jenny = client.voices().list(&jenny).await.unwrap();
    assert_eq!(jenny[0].provider, Some(VoiceProvider::Microsoft));
    assert_eq!(fake.requests(Route::Voices)[2].query.as_deref(), Some("id=en-US-JennyNeural"));
}

#[tokio::test]
async fn faces_are_found_in_uploaded_pictures() {
    let blank = png(200, 200);
    let without = blank.clone();
    let fake = FakeDid::builder()
        .has_face(move |bytes| bytes != without.as_slice())
        .start()
        .await
        .unwrap();
    let client = client(&fake);
    let images = client.images();
    let upload = |bytes| images.upload(ImageUpload::new(bytes));
    let face = upload(png(300, 200)).await.unwrap();
    let found = client.images().detect_faces(&face.url).await.unwrap();
    assert_eq!(found.faces.len(), 1);
    let measures = found.metadata.unwrap();
    assert_eq!((measures.width, measures.height), (300.0, 200.0));
    let none = upload(blank).await.unwrap();
    assert!(client.images().detect_faces(&none.url).await.unwrap().faces.is_empty());
    let error = client.images().detect_faces("s3://bucket/nothing.png").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let sent = fake.journal().len();
    let error = client.images().detect_faces("ftp://host/a.png").await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { field: "source_url", .. }), "{error}");
    assert_eq!(fake.journal().len(), sent);
}
