//! No command loses a file: whatever its results are called, whatever is there, and whatever ends it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod support;

use image::RgbImage;
use portrait_d_id_fake::{FakeDid, Route};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{Portrait, tiny_birefnet, two_people};

fn one_person() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

fn copy_to(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::copy(one_person(), &path).unwrap();
    path
}

fn cutout(options: &str, photo: &Path, out: &Path) -> Portrait {
    Portrait::new(format!("cutout {options}").trim()).arg(photo).option("-o", out)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let names = std::fs::read_dir(folder).unwrap().map(name);
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_input_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let content = std::fs::read(one_person()).unwrap();
    // The name that a person's picture had.
    let photo = copy_to(root, "person_0.png");
    cutout("", &photo, root).run().text();
    assert_eq!(names(root), ["person_0.png", "person_0_person_0.png"]);

    // The same file by the same name, through a link, and by another way to it.
    #[cfg(unix)]
    std::os::unix::fs::symlink(&photo, root.join("link.png")).unwrap();
    let round = root.join("..").join(root.file_name().unwrap()).join("person_0.png");
    for place in ["person_0.png".into(), PathBuf::from("link.png"), round] {
        for force in ["", "--force"] {
            let place = root.join(&place);
            if !place.exists() {
                continue;
            }
            cutout(force, &photo, &place).run().fails(12, &["not replaced", "FILE_IS_INPUT"]);
            let detect = Portrait::new(format!("detect {force}").trim()).arg(&photo);
            detect.option("--draw", &place).run().fails(12, &["not replaced"]);
        }
    }
    // A result that is a later photo of the same command.
    let later = copy_to(root, "a_person_0.png");
    let first = copy_to(root, "a.png");
    let run = Portrait::new("cutout --force").arg(&first).arg(&later).option("-o", root).run();
    assert_eq!(run.code(), Some(12));
    assert!(run.stderr().contains("a_person_0.png: not replaced"), "{}", run.stderr());
    // The background too.
    let background = copy_to(root, "back.png");
    let run = cutout("--force", &photo, &background).option("--background", &background).run();
    run.fails(12, &["back.png", "not replaced"]);
    let video = copy_to(root, "clip.mp4");
    let run = Portrait::new("video --fake-d-id --force --text hello").arg(&video);
    run.option("-o", &video).run().fails(12, &["clip.mp4", "not replaced"]);
    for kept in [photo, later, first, background, video] {
        assert_eq!(std::fs::read(&kept).unwrap(), content, "{}", kept.display());
    }
}

#[test]
fn a_tensor_is_not_written_over_its_input_nor_over_others_files() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_birefnet(folder.path());
    let file = |name: &str| folder.path().join(name);
    let input = portrait_test_support::reproducible::input((1, 3, 64, 64)).unwrap();
    let input = std::collections::HashMap::from([("input", input)]);
    candle_core::safetensors::save(&input, file("in.safetensors")).unwrap();
    let content = std::fs::read(file("in.safetensors")).unwrap();
    std::fs::write(file("notes.txt"), "mine").unwrap();
    let tensor = |output: &str, profile: &str, force: &str| {
        Portrait::new(format!("tensor {force}").trim())
            .option("--model", &model)
            .option("--input", file("in.safetensors"))
            .option("--output", file(output))
            .option("--profile", file(profile))
            .run()
    };
    tensor("in.safetensors", "p.json", "--force").fails(12, &["not replaced"]);
    tensor("out.safetensors", "in.safetensors", "--force").fails(12, &["not replaced"]);
    tensor("notes.txt", "p.json", "").fails(12, &["notes.txt: not replaced"]);
    tensor("out.safetensors", "notes.txt", "").fails(12, &["notes.txt: not replaced"]);
    assert_eq!(std::fs::read(file("in.safetensors")).unwrap(), content);
    assert_eq!(std::fs::read(file("notes.txt")).unwrap(), b"mine");
    assert_eq!(names(folder.path()), ["in.safetensors", "notes.txt", "tiny-birefnet"]);
    // Its own are written again.
    tensor("out.safetensors", "p.json", "").text();
    tensor("out.safetensors", "p.json", "").text();
}

#[test]
fn what_others_made_or_changed_is_replaced_only_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let (photo, result) = (copy_to(folder.path(), "beach.jpg"), out.join("beach_person_0.png"));
    std::fs::write(&result, "a drawing").unwrap();
    let refused = |run: support::Run| run.fails(12, &["beach_person_0.png", "FILE_EXISTS"]);
    refused(cutout("", &photo, &out).run());
    refused(cutout("--persons 0", &photo, &out).run());
    refused(cutout("", &photo, &result).run());
    assert_eq!(std::fs::read(&result).unwrap(), b"a drawing");
    // Others beside it are no obstacle.
    std::fs::write(out.join("beach_person_x.png"), "").unwrap();
    cutout("--mask-only", &photo, &out).run().text();
    cutout("--force", &photo, &out).run().text();
    let picture = std::fs::read(&result).unwrap();

    // The same command again, and the same with other options: pleasant.
    cutout("", &photo, &out).run().text();
    assert_eq!(std::fs::read(&result).unwrap(), picture);
    cutout("--padding 5", &photo, &out).run().text();
    assert_ne!(std::fs::read(&result).unwrap(), picture);
    // Retouched: no longer the command's.
    std::fs::write(&result, &picture).unwrap();
    cutout("", &photo, &out).run().text();
    std::fs::write(&result, [&picture[..], b"retouched"].concat()).unwrap();
    refused(cutout("", &photo, &out).run());
    std::fs::write(&result, &picture).unwrap();
    // Another photo of the same name.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = copy_to(&other, "beach.jpg");
    refused(cutout("", &other, &out).run());
    assert_eq!(std::fs::read(&result).unwrap(), picture);
    // And pictures with boxes, and videos.
    std::fs::write(folder.path().join("boxes.jpg"), "mine").unwrap();
    let boxes = folder.path().join("boxes.jpg");
    let detect = |force: &str| {
        let run = Portrait::new(format!("detect {force}").trim()).arg(&photo);
        run.option("--draw", &boxes).run()
    };
    detect("").fails(12, &["boxes.jpg", "not replaced"]);
    detect("--force").text();
    detect("").text();
    std::fs::write(out.join("beach_person_0.mp4"), "mine").unwrap();
    let video = Portrait::new("video --fake-d-id --text hello").arg(&photo).option("-o", &out);
    video.run().fails(12, &["beach_person_0.mp4", "not replaced"]);
    assert_eq!(std::fs::read(out.join("beach_person_0.mp4")).unwrap(), b"mine");
}

#[test]
fn a_failed_command_leaves_no_folder_that_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = folder.path().join("nobody.png");
    RgbImage::new(300, 300).save(&nobody).unwrap();
    let out = folder.path().join("new/deep");
    cutout("", &nobody, &out).run().fails(12, &["NO_PERSON_DETECTED", "--imgsz"]);
    cutout("--persons 9", &one_person(), &out).run().fails(12, &["PERSON_NOT_FOUND"]);
    let video = Portrait::new("video --fake-d-id --text hello").arg(&nobody).option("-o", &out);
    video.run().fails(12, &["NO_PERSON_DETECTED"]);
    let detect = Portrait::new("detect").arg(&nobody).option("--draw", out.join("x.jpg"));
    detect.run().fails(12, &["NO_PERSON_DETECTED"]);
    assert_eq!(names(folder.path()), ["nobody.png"]);
    // A folder that was there stays.
    std::fs::create_dir_all(&out).unwrap();
    cutout("", &nobody, &out).run().fails(12, &["NO_PERSON_DETECTED"]);
    assert!(out.exists());
}

/// Orders at a stand-in for D-ID that outlives the command.
async fn video(fake: &FakeDid, root: &Path, out: &Path) -> support::Run {
    let run = Portrait::new("video --text hello")
        .arg(one_person())
        .option("-o", out)
        .option("--data", root.join("data"))
        .env("D_ID_URL", fake.base_url().as_str())
        .env("D_ID_API_KEY", fake.key());
    tokio::task::spawn_blocking(|| run.run()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_takes_nothing_is_found_before_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let fake = FakeDid::builder().start().await.unwrap();
    // A file where the folder belongs, which root cannot write into either.
    std::fs::write(root.join("file"), "mine").unwrap();
    for out in [root.join("file"), root.join("file/below"), PathBuf::from("/proc/nowhere")] {
        video(&fake, root, &out).await.fails(12, &["cannot make the folder"]);
        cutout("", &one_person(), &out).run().fails(12, &["cannot make the folder"]);
    }
    assert_eq!(std::fs::read(root.join("file")).unwrap(), b"mine");
    // A disk with less room than a video takes.
    if let Some(disk) = SmallDisk::mount(root, "1m") {
        video(&fake, root, &disk.0).await.fails(12, &["cannot write into the folder"]);
        assert_eq!(names(&disk.0), [""; 0]);
    }
    assert_eq!(fake.requests(Route::CreateTalk).len(), 0, "nothing was paid");
    assert_eq!(fake.talks().len(), 0);
}

/// A file system of a few pages.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Only root may mount; where it may not, says that the test is skipped.
    fn mount(root: &Path, size: &str) -> Option<Self> {
        let place = root.join("disk");
        std::fs::create_dir(&place).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&place);
        if mount.output().is_ok_and(|done| done.status.success()) {
            return Some(Self(place));
        }
        println!("skipped: a small disk cannot be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(&self.0).status().unwrap();
    }
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), "64k") else { return };
    let result = disk.0.join("grace_hopper_person_0.png");
    std::fs::write(&result, "an older picture").unwrap();
    cutout("--force -q", &one_person(), &disk.0).run().fails(12, &["person 0", "cannot write"]);
    cutout("--force -q", &one_person(), &result).run().fails(12, &["person 0", "cannot write"]);
    let boxes = Portrait::new("detect").arg(one_person()).option("--draw", disk.0.join("x.png"));
    boxes.run().fails(12, &["x.png", "cannot write"]);
    assert_eq!(std::fs::read(&result).unwrap(), b"an older picture");
    assert_eq!(names(&disk.0), ["grace_hopper_person_0.png"]);
    // Not a byte of room.
    while std::fs::write(disk.0.join(format!("fill{}", names(&disk.0).len())), [0; 4096]).is_ok() {}
    let run = cutout("--force", &one_person(), &disk.0).run();
    run.fails(12, &["cannot write into the folder"]);
    assert_eq!(std::fs::read(&result).unwrap(), b"an older picture");
}

#[test]
fn a_command_that_is_killed_at_any_moment_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let (two, out) = (two_people(folder.path()), folder.path().join("out"));
    let start = Instant::now();
    cutout("", &two, &out).run().text();
    let takes = start.elapsed();
    let is_whole = || {
        for name in names(&out).iter().filter(|name| name.ends_with(".png")) {
            image::open(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert!(names(&out).contains(&"two_person_0.png".to_owned()));
        assert!(names(&out).contains(&"two_person_1.png".to_owned()));
    };
    let moments = 10;
    for moment in 0..moments {
        // Other pictures each time.
        let padding = format!("--padding {}", 30 + moment);
        let mut child = cutout(&padding, &two, &out).start();
        // The last part is where files are written.
        std::thread::sleep(takes * (moment + 4) / (moments + 4));
        child.kill().unwrap();
        child.wait().unwrap();
        is_whole();
    }
    // And goes on as if nothing had been.
    cutout("", &two, &out).run().text();
    is_whole();
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_persons_that_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("four.png");
    let two = image::open(two_people(folder.path())).unwrap().into_rgb8();
    let mut four = RgbImage::new(2 * two.width(), two.height());
    for x in [0, two.width()] {
        image::imageops::replace(&mut four, &two, i64::from(x), 0);
    }
    four.save(&photo).unwrap();
    let out = folder.path().join("out");
    let mut child = cutout("", &photo, &out).start();
    let deadline = Instant::now() + Duration::from_secs(120);
    let finished = || {
        let names = if out.exists() { names(&out) } else { Vec::new() };
        names.into_iter().filter(|name| name.ends_with(".png")).collect::<Vec<_>>()
    };
    while finished().is_empty() {
        assert!(Instant::now() < deadline, "nobody was cut out");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(130), "there were persons left: {:?}", finished());
    for name in finished() {
        image::open(out.join(name)).unwrap();
    }
    assert!(finished().len() < 4, "{:?}", finished());
}
