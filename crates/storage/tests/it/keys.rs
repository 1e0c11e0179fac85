//! No text from outside becomes a path.

use std::collections::HashSet;

use portrait_storage::{
    Artifact, Error, Folder, Format, Key, PhotoId, RecipeId, TaskId, TempName, VideoId,
};

fn keys() -> Vec<Key> {
    let (photo, task, video) = (PhotoId::generate(), TaskId::generate(), VideoId::generate());
    let mut artifacts = vec![Artifact::Upload { photo }];
    for person in [0, 1, 10, u32::MAX] {
        artifacts.push(Artifact::Person { photo, person, recipe: None });
        artifacts.push(Artifact::CutOut { photo, person, recipe: None });
        artifacts.push(Artifact::Video { photo, person, video });
    }
    let recipes = [0, 0x10, 0xff].map(|byte| RecipeId::from_digest(&[byte; 32]));
    for recipe in recipes {
        artifacts.push(Artifact::Person { photo, person: 1, recipe: Some(recipe) });
        artifacts.push(Artifact::CutOut { photo, person: 1, recipe: Some(recipe) });
        artifacts.push(Artifact::WholeCutOut { photo, recipe });
        artifacts.push(Artifact::Detections { photo, recipe });
        artifacts.push(Artifact::Sound { photo, sound: recipe });
    }
    artifacts.push(Artifact::Order { photo, person: 1, video });
    artifacts.push(Artifact::Deletion { photo });
    artifacts.extend(TempName::ALL.map(|name| Artifact::Temp { task, name }));
    let formats = |artifact: Artifact| artifact.formats().iter().map(move |&f| (artifact, f));
    artifacts.into_iter().flat_map(formats).map(|(a, f)| Key::new(a, f).unwrap()).collect()
}

#[test]
fn every_key_reads_back_and_is_unlike_the_others() {
    let keys = keys();
    let texts: HashSet<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), keys.len());
    for key in keys {
        let text = key.to_string();
        assert_eq!(text.parse::<Key>().unwrap(), key);
        assert_eq!(
            serde_json::from_str::<Key>(&serde_json::to_string(&key).unwrap()).unwrap(),
            key
        );
        assert!(text.starts_with(key.folder().name()));
        assert_eq!(key.artifact().folder(), key.folder());
        assert!(!text.contains("..") && text.is_ascii());
    }
}

#[test]
fn the_layout_is_the_documented_one() {
    let photo: PhotoId = "0197c2d4-6c1b-7c3a-9d53-0f6b1f2e3d4c".parse().unwrap();
    let video: VideoId = "0197c2d5-0000-7000-8000-000000000001".parse().unwrap();
    let task: TaskId = "0197c2d6-0000-7000-bfff-ffffffffffff".parse().unwrap();
    let recipe: RecipeId = "00c0ffee00c0ffee".parse().unwrap();
    let cases = [
        (
            Artifact::Person { photo, person: 2, recipe: Some(recipe) },
            Format::WebP,
            format!("detected_persons/{photo}_person_2_00c0ffee00c0ffee.webp"),
        ),
        (
            Artifact::CutOut { photo, person: 2, recipe: Some(recipe) },
            Format::Png,
            format!("background_removed/{photo}_person_2_00c0ffee00c0ffee_nobg.png"),
        ),
        (
            Artifact::WholeCutOut { photo, recipe },
            Format::Png,
            format!("background_removed/{photo}_00c0ffee00c0ffee_nobg.png"),
        ),
        (
            Artifact::Detections { photo, recipe },
            Format::Json,
            format!("detected_persons/{photo}_detections_00c0ffee00c0ffee.json"),
        ),
        (
            Artifact::Sound { photo, sound: recipe },
            Format::Mp3,
            format!("uploads/{photo}_sound_00c0ffee00c0ffee.mp3"),
        ),
        (Artifact::Deletion { photo }, Format::Json, format!("d_id_videos/{photo}_deletion.json")),
        (Artifact::Upload { photo }, Format::WebP, format!("uploads/{photo}.webp")),
        (
            Artifact::Person { photo, person: 2, recipe: None },
            Format::Jpeg,
            format!("detected_persons/{photo}_person_2.jpg"),
        ),
        (
            Artifact::CutOut { photo, person: 2, recipe: None },
            Format::Png,
            format!("background_removed/{photo}_person_2_nobg.png"),
        ),
        (
            Artifact::Video { photo, person: 2, video },
            Format::Mp4,
            format!("d_id_videos/{photo}_person_2_{video}.mp4"),
        ),
        (
            Artifact::Temp { task, name: TempName::Cropped },
            Format::Png,
            format!("temp/{task}/cropped.png"),
        ),
    ];
    for (artifact, format, text) in cases {
        assert_eq!(Key::new(artifact, format).unwrap().to_string(), text);
    }
}

#[test]
fn a_kind_of_artifact_has_its_formats_only() {
    let photo = PhotoId::generate();
    let refused = [
        (Artifact::Upload { photo }, Format::Mp4),
        (Artifact::CutOut { photo, person: 0, recipe: None }, Format::Jpeg),
        (Artifact::Video { photo, person: 0, video: VideoId::generate() }, Format::Png),
    ];
    for (artifact, format) in refused {
        let error = Key::new(artifact, format).unwrap_err();
        assert!(matches!(error, Error::FormatNotAllowed { .. }));
        let text = format!("{artifact}.{}", format.extension());
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

#[test]
fn paths_that_lead_elsewhere_are_no_keys() {
    let id = PhotoId::generate();
    let texts = [
        String::new(),
        "/".into(),
        "uploads".into(),
        "uploads/".into(),
        "uploads/.jpg".into(),
        format!("{id}.jpg"),
        format!("/uploads/{id}.jpg"),
        format!("./uploads/{id}.jpg"),
        format!("uploads//{id}.jpg"),
        format!("uploads/../uploads/{id}.jpg"),
        format!("uploads/../{id}.jpg"),
        format!("uploads/{id}/../../../etc/passwd.jpg"),
        format!("uploads\\{id}.jpg"),
        format!("uploads/{id}.jpg/"),
        format!("uploads/{id}.jpg\0.png"),
        format!("uploads/{id}.jpg\n"),
        format!("uploads/{id}%2ejpg"),
        format!("uploads/%2e%2e/{id}.jpg"),
        format!("uploads/{id}.jpg#1"),
        format!("uploads/{id}.jpeg"),
        format!("uploads/{id}.JPG"),
        format!("UPLOADS/{id}.jpg"),
        format!("uploads/{}.jpg", id.to_string().to_uppercase()),
        format!("uploads/{{{id}}}.jpg"),
        format!("uploads/{id}_person_0.jpg"),
        format!("detected_persons/{id}_person_.jpg"),
        format!("detected_persons/{id}_person_-1.jpg"),
        format!("detected_persons/{id}_person_+1.jpg"),
        format!("detected_persons/{id}_person_01.jpg"),
        format!("detected_persons/{id}_person_4294967296.jpg"),
        format!("detected_persons/{id}_person_1_nobg.jpg"),
        format!("background_removed/{id}_person_1.png"),
        format!("background_removed/{id}_person_1_nobg_nobg.png"),
        format!("d_id_videos/{id}_person_1_.mp4"),
        format!("d_id_videos/{id}_person_1_{id}_{id}.mp4"),
        format!("background_removed/{id}_person_1_00c0ffee00c0ffee.png"),
        format!("background_removed/{id}_person_1_00C0FFEE00C0FFEE_nobg.png"),
        format!("background_removed/{id}_person_1_c0ffee00c0ffee_nobg.png"),
        format!("background_removed/{id}_person_1__nobg.png"),
        format!("background_removed/{id}_nobg.png"),
        format!("background_removed/{id}__nobg.png"),
        format!("background_removed/{id}_00c0ffee00c0ffee.png"),
        format!("detected_persons/{id}_person_1_.png"),
        format!("detected_persons/{id}_detections.json"),
        format!("detected_persons/{id}_detections_00c0ffee00c0ffee.png"),
        format!("uploads/{id}_sound_.mp3"),
        format!("uploads/{id}_sound_00c0ffee00c0ffee.jpg"),
        format!("d_id_videos/{id}_deletion.mp4"),
        format!("d_id_videos/{id}_deletion_.json"),
        format!("uploads/{id}_deletion.json"),
        // A description is no artifact.
        format!("uploads/{id}.jpg.about.json"),
        format!("d_id_videos/{id}_deletion.json.about.json"),
        format!("temp/{id}/input/../mask.png"),
        format!("temp/{id}/passwd.png"),
        format!("temp/../{id}/mask.png"),
        format!("temp/{id}.png"),
        "uploads/2f1ad1f0-61f2-4a4e-9c12-0a1b2c3d4e5f.jpg".into(), // version 4
        "é".repeat(1000),
    ];
    for text in texts {
        let error = text.parse::<Key>().unwrap_err();
        assert!(matches!(error, Error::InvalidKey { .. }), "{text}");
        let message = error.to_string();
        assert!(!message.contains(['\n', '\0']) && message.len() < 1000, "{message}");
        assert!(serde_json::from_value::<Key>(text.clone().into()).is_err(), "{text}");
    }
}

/// Whatever is done to a key's text, it is refused or names exactly the file that it spells.
#[test]
fn no_change_to_a_key_gives_a_second_spelling() {
    let alphabet: Vec<char> = "/\\.._-+0179afAF#%~ \0\néﬀ０".chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut accepted = 0;
    for key in keys() {
        for _ in 0..3000 {
            let mut text: Vec<char> = key.to_string().chars().collect();
            for _ in 0..=random(3) {
                let at = random(text.len());
                let new = alphabet[random(alphabet.len())];
                match random(3) {
                    0 => text[at] = new,
                    1 => text.insert(at, new),
                    _ => drop(text.remove(at)),
                }
            }
            let text: String = text.into_iter().collect();
            if let Ok(key) = text.parse::<Key>() {
                accepted += 1;
                assert_eq!(key.to_string(), text);
                assert!(Folder::ALL.iter().any(|f| text.starts_with(&format!("{f}/"))));
            }
        }
    }
    assert!(accepted > 100, "some changes only give another id: {accepted}");
}
