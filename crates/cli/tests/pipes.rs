//! Photos from standard input, pictures to standard output and to files that are named.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::PathBuf;
use support::{Portrait, two_people};

fn one_person() -> Vec<u8> {
    let path = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    std::fs::read(path).unwrap()
}

#[test]
fn a_photo_goes_through_a_pipe() {
    let run = Portrait::new("cutout - -o -").run_with(one_person());
    assert_eq!(run.code(), Some(0), "{}", run.stderr());
    let picture = image::load_from_memory(run.bytes()).unwrap();
    assert_eq!(picture.color(), image::ColorType::Rgba8);
    assert!(run.stderr().contains("1 of 1 people cut out"), "{}", run.stderr());
    let quiet = Portrait::new("cutout - -o - -q --mask-only").run_with(one_person());
    assert_eq!(quiet.stderr(), "");
    assert_eq!(image::load_from_memory(quiet.bytes()).unwrap().color(), image::ColorType::L8);

    let found = Portrait::new("detect - --json").run_with(one_person()).json();
    assert_eq!(found["persons"].as_array().unwrap().len(), 1);
    let drawn = Portrait::new("detect - --draw - -q").run_with(one_person());
    assert_eq!(image::load_from_memory(drawn.bytes()).unwrap().width(), 512);

    let out = tempfile::tempdir().unwrap();
    Portrait::new("cutout -").option("-o", out.path()).run_with(one_person()).text();
    assert!(image::open(out.path().join("stdin_person_0.png")).is_ok());
    // Another photo from there is another photo.
    let mut other = one_person();
    other.push(0);
    let run = Portrait::new("cutout -").option("-o", out.path()).run_with(other);
    run.fails(12, &["FILE_EXISTS", "stdin_person_0.png"]);

    let run = Portrait::new("video --fake-d-id --text hello - -o -").run_with(one_person());
    assert_eq!(run.bytes().get(4..8), Some(&b"ftyp"[..]), "{}", run.stderr());
    let broken = Portrait::new("cutout - -o -").run_with(b"no picture".to_vec());
    broken.fails(12, &["-: ", "IMAGE_FORMAT_UNSUPPORTED"]);
    assert!(broken.bytes().is_empty());
}

#[test]
fn a_name_with_an_extension_is_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let photo = file("p.jpg");
    std::fs::write(&photo, one_person()).unwrap();
    let cutout = |out: &PathBuf| Portrait::new("cutout").arg(&photo).option("-o", out);
    let text = cutout(&file("new/me.png")).run().text();
    assert!(text.contains("me.png: "), "{text}");
    assert!(image::open(file("new/me.png")).unwrap().as_rgba8().is_some());
    cutout(&file("me.jpg")).run().fails(2, &["me.jpg", "of the kind .png"]);
    // A folder of that name stays a folder.
    std::fs::create_dir(file("folder.png")).unwrap();
    cutout(&file("folder.png")).run().text();
    assert!(file("folder.png/p_person_0.png").exists());
    let video = Portrait::new("video --fake-d-id --text hello").arg(&photo);
    video.option("-o", file("me.mp4")).run().text();
    assert_eq!(&std::fs::read(file("me.mp4")).unwrap()[4..8], b"ftyp");
    for name in ["boxes.jpg", "boxes.png"] {
        let json = Portrait::new("detect --json").arg(&photo).option("--draw", file(name));
        assert_eq!(json.run().json()["drawing"], file(name).to_str().unwrap());
        let before = image::open(&photo).unwrap().into_rgb8();
        let drawn = image::open(file(name)).unwrap().into_rgb8();
        assert_eq!(drawn.dimensions(), before.dimensions());
        assert_ne!(drawn, before);
    }
    #[cfg(unix)]
    cutout(&"/dev/null".into()).run().fails(12, &["/dev/null"]);
}

#[test]
fn room_for_one_takes_one_person() {
    let folder = tempfile::tempdir().unwrap();
    let two = two_people(folder.path());
    let out = folder.path().join("one.png");
    let cutout = |options: &str, out: &str| {
        Portrait::new(format!("cutout {options}").trim()).arg(&two).option("-o", out).run()
    };
    for place in ["-", out.to_str().unwrap()] {
        let run = cutout("", place);
        run.fails(2, &["2 people were found", "--persons"]);
        assert!(run.bytes().is_empty() && !out.exists());
    }
    assert_eq!(cutout("--persons 1", "-").code(), Some(0));
    assert_eq!(cutout("--persons 1", out.to_str().unwrap()).code(), Some(0));
    assert!(image::open(&out).is_ok());
    cutout("--json --persons 1", "-").fails(2, &["--json", "standard output"]);
    let video = Portrait::new("video --fake-d-id --text hello").arg(&two);
    video.option("-o", folder.path().join("v.mp4")).run().fails(2, &["2 people", "--persons"]);
    Portrait::new("cutout - - -o out").run_with(one_person()).fails(2, &["only once"]);
}
