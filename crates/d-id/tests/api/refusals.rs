use portrait_d_id::{
    AudioUpload, CreateTalk, Error, ImageFault, ImageUpload, ModerationKind, Script, TalkErrorKind,
    TalkId,
};
use portrait_d_id_fake::{Ending, FakeDid, Fault, Outcome, Route};

use crate::support::{client, fake, order, png, run_talk, wait_options, wav};

#[tokio::test]
async fn an_empty_account_is_told_and_pays_nothing() {
    let fake = FakeDid::builder().credits(0).start().await.unwrap();
    let client = client(&fake);
    let order = order(&client).await;
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::InsufficientCredits { .. }), "{error}");
    assert_eq!(fake.requests(Route::CreateTalk).len(), 1);
    assert!(fake.requests(Route::ListTalks).is_empty());
    assert!(fake.talks().is_empty());
}

#[tokio::test]
async fn no_credits_at_all_are_none_left() {
    let fake = fake().await;
    fake.fault(Route::Credits, Fault::error(404, "NotFoundError", "not credits found for user"));
    assert_eq!(client(&fake).credits().await.unwrap().remaining, 0.0);
}

#[tokio::test]
async fn each_moderation_kind_is_typed() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    for (kind, expected) in [
        ("ImageModerationError", ModerationKind::Image),
        ("TextModerationError", ModerationKind::Text),
        ("AudioModerationError", ModerationKind::Audio),
        ("CelebrityRecognizedError", ModerationKind::Celebrity),
        ("NewModerationError", ModerationKind::Other("NewModerationError".into())),
    ] {
        fake.fault(Route::CreateTalk, Fault::error(451, kind, "no"));
        let error = client.talks().create(&order).await.unwrap_err();
        assert!(!error.is_retryable());
        assert!(matches!(&error, Error::Moderation { kind, .. } if *kind == expected), "{error}");
    }
    assert_eq!(fake.requests(Route::CreateTalk).len(), 5);
    assert!(fake.talks().is_empty());
}

#[tokio::test]
async fn a_plan_without_stitch_is_told() {
    let fake = FakeDid::builder().allow_stitch(false).start().await.unwrap();
    let client = client(&fake);
    let mut order = order(&client).await;
    order.config.stitch = Some(true);
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::Permission { .. }), "{error}");
}

#[tokio::test]
async fn a_talk_without_a_face_fails_and_gives_credits_back() {
    let fake = fake().await;
    let client = client(&fake);
    fake.fail_next_talk("FaceError", "No valid face detected");
    let error = run_talk(&client).await.unwrap_err();
    let Error::TalkFailed { kind, description, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*kind, TalkErrorKind::Face);
    assert_eq!(description, "No valid face detected");
    assert!(!error.is_retryable());
    assert_eq!(fake.credits(), 100.0);
    assert!(fake.talks()[0].refunded);
}

#[tokio::test]
async fn the_servers_rule_for_faces_is_followed() {
    let tall = png(200, 400);
    let fake = FakeDid::builder().has_face(move |bytes| bytes != tall).start().await.unwrap();
    let client = client(&fake);
    assert!(run_talk(&client).await.is_ok());
    let mut picture = ImageUpload::new(png(200, 400));
    picture.detect_faces = true;
    let uploaded = client.images().upload(picture).await.unwrap();
    assert_eq!(uploaded.faces, Some(vec![]));
    let order = CreateTalk::new(uploaded.url, Script::text("Hello"));
    let talk = client.talks().create(&order).await.unwrap();
    let error = client.talks().wait(&talk.id, &wait_options()).await.unwrap_err();
    assert!(matches!(error, Error::TalkFailed { kind: TalkErrorKind::Face, .. }), "{error}");
}

#[tokio::test]
async fn a_deleted_picture_fails_the_talk_as_a_source_error() {
    let fake = fake().await;
    let client = client(&fake);
    let uploaded = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap();
    let id = uploaded.id.unwrap();
    client.images().delete(&id).await.unwrap();
    let error = client.images().delete(&id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let order = CreateTalk::new(uploaded.url, Script::text("Hello"));
    let talk = client.talks().create(&order).await.unwrap();
    let error = client.talks().wait(&talk.id, &wait_options()).await.unwrap_err();
    assert!(matches!(error, Error::TalkFailed { kind: TalkErrorKind::Source, .. }), "{error}");
}

#[tokio::test]
async fn a_rejected_talk_is_typed() {
    let fake = fake().await;
    fake.reject_next();
    let error = run_talk(&client(&fake)).await.unwrap_err();
    assert!(matches!(error, Error::TalkRejected { .. }), "{error}");
}

#[tokio::test]
async fn failures_without_details_are_still_failures() {
    let fake = fake().await;
    fake.next_talk(Outcome {
        ending: Ending::Error { kind: "NewError".into(), description: String::new() },
        ..Outcome::default()
    });
    let error = run_talk(&client(&fake)).await.unwrap_err();
    let new = TalkErrorKind::Other("NewError".into());
    assert!(matches!(&error, Error::TalkFailed { kind, .. } if *kind == new), "{error}");
}

#[tokio::test]
async fn pictures_refused_by_the_server_are_typed() {
    let fake = fake().await;
    let client = client(&fake);
    for (kind, description, expected) in [
        ("InvalidFileSizeError", "file size exceeded 10 MB", ImageFault::FileSize),
        ("InvalidImageResolutionError", "too low", ImageFault::Resolution),
        ("BadRequestError", "invalid image", ImageFault::Unreadable),
    ] {
        fake.fault(Route::UploadImage, Fault::error(400, kind, description));
        let error = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap_err();
        assert!(
            matches!(&error, Error::InvalidImage { fault, .. } if *fault == expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_talk_in_process_is_not_removed() {
    let fake =
        FakeDid::builder().talk_duration(std::time::Duration::from_secs(60)).start().await.unwrap();
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let error = client.talks().delete(&talk.id).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
    fake.advance(std::time::Duration::from_secs(60));
    client.talks().delete(&talk.id).await.unwrap();
    let error = client.talks().get(&talk.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn an_id_cannot_address_something_else() {
    let fake = fake().await;
    let client = client(&fake);
    for id in ["", ".", ".."] {
        let error = client.talks().delete(&TalkId::new(id)).await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { field: "id", .. }), "{error}");
    }
    assert!(fake.journal().is_empty());
    let error = client.talks().get(&TalkId::new("../credits?x=1")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(fake.journal()[0].path, "/talks/..%2Fcredits%3Fx=1");
}

/// Every kind that D-ID's description names, with its status: told by its type, or, where a caller
/// can do nothing else about it, by its word in the text.
#[tokio::test]
async fn every_kind_is_told() {
    type Typed = fn(&Error) -> bool;
    let plain: Typed = |error| matches!(error, Error::BadRequest { .. });
    let picture: Typed = |error| matches!(error, Error::InvalidImage { .. });
    let moderation: Typed = |error| {
        matches!(error, Error::Moderation { kind, .. }
        if !matches!(kind, ModerationKind::Other(_)))
    };
    let missing: Typed = |error| matches!(error, Error::NotFound { .. });
    let kinds: [(&str, u16, Typed); 23] = [
        ("AuthorizationError", 401, |error| matches!(error, Error::Unauthorised { .. })),
        ("NotFoundError", 404, missing),
        ("NotFound", 404, missing),
        ("BadRequestError", 400, plain),
        ("BadRequest", 400, plain),
        ("InsufficientCreditsError", 402, |error| {
            matches!(error, Error::InsufficientCredits { .. })
        }),
        ("UnsupportedMimeTypeError", 415, |error| {
            matches!(error, Error::UnsupportedMediaType { .. })
        }),
        ("PermissionError", 403, |error| matches!(error, Error::Permission { .. })),
        ("NotReadyError", 409, |error| matches!(error, Error::NotReady { .. })),
        ("ImageModerationError", 451, moderation),
        ("AudioModerationError", 451, moderation),
        ("TextModerationError", 451, moderation),
        ("CelebrityRecognizedError", 451, moderation),
        ("InvalidFileSizeError", 400, picture),
        ("InvalidImageResolutionError", 400, picture),
        ("InvalidFaceError", 400, picture),
        ("InvalidAudioDurationError", 400, plain),
        ("ConfigError", 400, plain),
        ("DriverNotValidError", 400, plain),
        ("RangeError", 400, plain),
        ("SessionError", 400, plain),
        ("ConsentTextSimilarityError", 400, plain),
        ("InternalServerError", 500, |error| matches!(error, Error::Server { .. })),
    ];
    let fake = fake().await;
    let client = client(&fake);
    for (kind, status, typed) in kinds {
        // By a request that is tried again where that is of use, and by one that is not.
        for route in [Route::UploadImage, Route::DeleteTalk] {
            fake.fault(route, Fault::error(status, kind, "as scripted").times(10));
            let error = match route {
                Route::UploadImage => {
                    client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap_err()
                }
                _ => client.talks().delete(&TalkId::new("tlk_1")).await.unwrap_err(),
            };
            fake.clear_faults();
            assert!(typed(&error), "{kind}: {error:?}");
            let text = error.to_string();
            assert!(text.contains(kind) && text.contains("as scripted"), "{kind}: {text}");
            assert_eq!(error.was_refused(), !matches!(status, 409 | 500), "{kind}");
            assert_eq!(error.is_retryable(), status == 500, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_deleted_sound_is_refused_in_either_form_of_its_address() {
    for s3 in [false, true] {
        let fake = FakeDid::builder().s3_uploads(s3).start().await.unwrap();
        let client = client(&fake);
        let picture = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap().url;
        let sound = AudioUpload::new(wav(1), "audio/wav");
        let sound = client.audios().upload(sound).await.unwrap();
        assert_eq!(sound.url.starts_with("s3:"), s3);
        client.audios().delete(&sound.id.unwrap()).await.unwrap();
        let order = CreateTalk::new(picture, Script::audio(&sound.url));
        let error = client.talks().create(&order).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest { .. }), "{error}");
        assert!(fake.talks().is_empty());
    }
}
