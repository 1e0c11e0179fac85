//! Many photos by one command: each is told of by itself, and one that is damaged costs the others
//! nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Portrait, Run};
use tempfile::TempDir;

fn person() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

/// A folder of photos: three good ones, one of them deeper, one damaged, one without people, and a
/// text that is none.
fn photos() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let photo = std::fs::read(person()).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    std::fs::create_dir(folder.path().join("deeper")).unwrap();
    put("a.jpg", &photo);
    put("b.jpg", &photo[..photo.len() / 2]);
    put("c.JPG", &photo);
    put("deeper/a.jpg", &photo);
    put("notes.txt", b"none");
    image::RgbImage::new(300, 300).save(folder.path().join("d.png")).unwrap();
    folder
}

fn lines(run: &Run) -> Vec<Value> {
    run.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn found(out: &Path, name: &str) {
    image::open(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn a_folder_is_cut_out_photo_by_photo() {
    let (folder, out) = (photos(), tempfile::tempdir().unwrap());
    let cutout = |options: &str| {
        Portrait::new(&format!("cutout {options}"))
            .arg(folder.path())
            .option("-o", out.path())
            .run()
    };
    let run = cutout("--json --recursive");
    assert_eq!(run.code(), Some(12), "{}", run.stderr());
    let lines = lines(&run);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let path = Path::new(line["photo"].as_str().unwrap());
            let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
            (name.to_owned(), line["success"].as_bool().unwrap(), line["error"]["code"].clone())
        })
        .collect();
    let is = |name: &str, success, code: Value| (name.to_owned(), success, code);
    assert_eq!(
        told,
        [
            is("a.jpg", true, Value::Null),
            is("b.jpg", false, "IMAGE_DAMAGED".into()),
            is("c.JPG", true, Value::Null),
            is("d.png", false, "NO_PERSON_DETECTED".into()),
            is("deeper/a.jpg", true, Value::Null),
        ]
    );
    assert_eq!(lines[0]["persons"][0]["person_id"], 0);
    assert_eq!(lines[0]["image"]["width"], 512);
    for name in ["a_person_0.png", "c_person_0.png", "deeper/a_person_0.png"] {
        found(out.path(), name);
    }
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 3);
    let told: Vec<_> = run.stderr().lines().map(str::to_owned).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("error: ") && told[0].contains("b.jpg: the photo"), "{told:?}");

    // For people, and without the folders below.
    let run = cutout("--padding 3");
    let text = run.stdout();
    assert_eq!(run.code(), Some(12));
    assert!(text.contains("a.jpg: 1 of 1 people cut out"), "{text}");
    assert!(text.ends_with("2 of 4 photos done\n"), "{text}");
}

#[test]
fn photos_of_one_name_do_not_mix() {
    let (folder, out) = (photos(), tempfile::tempdir().unwrap());
    let run = Portrait::new("cutout --json")
        .arg(folder.path().join("a.jpg"))
        .arg(folder.path().join("deeper/a.jpg"))
        .arg(folder.path().join("a.jpg"))
        .option("-o", out.path())
        .run();
    assert_eq!(run.code(), Some(0), "{}", run.stderr());
    assert_eq!(lines(&run).len(), 2, "the same file once");
    found(out.path(), "a_person_0.png");
    found(out.path(), "a-2_person_0.png");
}

#[test]
fn results_beside_the_photos_are_no_photos_of_the_next_run() {
    let folder = photos();
    let cutout = || {
        let run = Portrait::new("cutout --json").arg(folder.path());
        lines(&run.option("-o", folder.path()).run()).len()
    };
    assert_eq!((cutout(), cutout()), (4, 4));
}

#[test]
fn several_photos_are_looked_at_and_drawn() {
    let (folder, out) = (photos(), tempfile::tempdir().unwrap());
    let drawings = out.path().join("drawings");
    let run = Portrait::new("detect --json")
        .arg(folder.path().join("a.jpg"))
        .arg(folder.path().join("b.jpg"))
        .arg(folder.path().join("missing.jpg"))
        .option("--draw", &drawings)
        .run();
    assert_eq!(run.code(), Some(12));
    let lines = lines(&run);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["persons"].as_array().unwrap().len(), 1);
    assert_eq!(lines[1]["error"]["code"], "IMAGE_DAMAGED");
    assert_eq!(lines[2]["error"]["code"], "FILE_ERROR");
    let drawing = image::open(drawings.join("a_boxes.jpg")).unwrap();
    assert_eq!(drawing.width(), 512);
    let text = Portrait::new("detect").arg(folder.path().join("a.jpg")).arg(person()).run().text();
    assert!(text.contains("grace_hopper.jpg: person 0: "), "{text}");
    assert!(text.ends_with("2 of 2 photos done\n"), "{text}");
}

#[test]
fn what_every_photo_would_meet_ends_the_command_once() {
    let (folder, out) = (photos(), tempfile::tempdir().unwrap());
    let many = |options: &str| {
        let run = Portrait::new(&format!("cutout {options}")).arg(folder.path());
        run.option("-o", out.path().join("new")).run()
    };
    many("--conf 1.5").fails(12, &["INVALID_OPTION", "--conf"]);
    many("--model birefnet").fails(12, &["WEIGHTS_MISSING", "birefnet"]);
    assert!(!out.path().join("new").exists());
    let run = Portrait::new("cutout").arg(folder.path()).option("-o", out.path().join("x.png"));
    run.run().fails(2, &["x.png", "several photos need a folder"]);
}
