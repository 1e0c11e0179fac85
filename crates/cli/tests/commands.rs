//! The commands on real photos, with trained YOLOv8n weights and a small BiRefNet.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use candle_core::{Device, Tensor, safetensors};
use portrait_test_support::{golden, reproducible, test_data};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use support::{Portrait, tiny_birefnet};

/// The trained detector and a photo of the test data.
fn data(photo: &str) -> Option<(PathBuf, PathBuf)> {
    Some((test_data("weights/yolov8n.safetensors")?, test_data(&format!("photos/{photo}"))?))
}

#[test]
fn detect_prints_the_documented_json() {
    let Some((weights, photo)) = data("bus.jpg") else { return };
    let golden = test_data("weights/golden_yolov8n.json").unwrap();
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    for shape in ["rect", "square"] {
        let run = Portrait::new(&format!("detect --json --{shape}"));
        let json = run.arg(&photo).option("--weights", &weights).run().json();
        assert_eq!(json["image"], serde_json::json!({ "width": 810, "height": 1080 }));
        assert_eq!((&json["model"], &json["device"]), (&"yolov8n".into(), &"cpu".into()));
        assert!(json["timings_ms"]["detection"].as_f64().unwrap() > 0.0);
        let want = golden["images"]["bus.jpg"][shape]["boxes_xyxy_conf"].as_array().unwrap();
        let persons = json["persons"].as_array().unwrap();
        assert_eq!(persons.len(), want.len());
        for (id, (person, want)) in persons.iter().zip(want).enumerate() {
            assert_eq!(person["person_id"], id);
            for (index, side) in ["x1", "y1", "x2", "y2"].into_iter().enumerate() {
                let (got, want) =
                    (person["bbox"][side].as_f64().unwrap(), want[index].as_f64().unwrap());
                assert!((got - want).abs() < 1.0, "{shape} person {id} {side}: {got} {want}");
            }
            let confidence = person["confidence"].as_f64().unwrap();
            assert!((confidence - want[4].as_f64().unwrap()).abs() < 0.005);
        }
    }
}

#[test]
fn options_of_detect_reach_the_detector() {
    let Some((weights, photo)) = data("bus.jpg") else { return };
    let count = |options: &str| {
        let run = Portrait::new(&format!("detect --json {options}"));
        let json = run.arg(&photo).option("--weights", &weights).run().json();
        json["persons"].as_array().unwrap().len()
    };
    assert_eq!(count("--conf 0.5"), 3);
    assert_eq!(count("--max-det 2"), 2);
    assert_eq!(count("--classes 5"), 1);
    assert_eq!(count("--classes 0,5"), 5);
    for (options, says) in [
        ("--conf 1.5", "1.5"),
        ("--conf -0.5", "-0.5"),
        ("--iou -1", "-1"),
        ("--imgsz 0", "0"),
        ("--classes 80", "80"),
    ] {
        let run = Portrait::new(&format!("detect {options}"));
        let run = run.arg(&photo).option("--weights", &weights).run();
        run.fails(12, &["INVALID_OPTION", says]);
    }
}

#[test]
fn a_photo_without_people_is_told_so() {
    for photo in ["coffee.png", "chelsea.png", "rocket.jpg", "logo.png"] {
        let Some((weights, photo)) = data(photo) else { return };
        let run = Portrait::new("detect").arg(&photo).option("--weights", &weights).run();
        run.fails(12, &["NO_PERSON_DETECTED", "no persons detected"]);
    }
}

fn cutout(options: &str, photo: &Path, weights: &Path, model: &Path, out: &Path) -> Portrait {
    Portrait::new(&format!("cutout {options}"))
        .arg(photo)
        .option("-o", out)
        .option("--detection-weights", weights)
        .option("--model", model)
}

#[test]
fn cutout_writes_a_picture_of_each_person() {
    let Some((weights, photo)) = data("bus.jpg") else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_birefnet(folder.path());
    let out = folder.path().join("some/where");

    let json = cutout("--json --persons 2,0", &photo, &weights, &model, &out).run().json();
    let persons = json["persons"].as_array().unwrap();
    let ids: Vec<_> = persons.iter().map(|person| person["person_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [2, 0]);
    for person in persons {
        let file = Path::new(person["file"].as_str().unwrap());
        let picture = image::open(file).unwrap();
        assert_eq!(picture.color(), image::ColorType::Rgba8);
        let place = &person["place"];
        assert_eq!(place["width"], picture.width());
        assert_eq!(place["height"], picture.height());
        // 20 pixels around the box, which is cut at the photo's border.
        let width = person["bbox"]["x2"].as_f64().unwrap() - person["bbox"]["x1"].as_f64().unwrap();
        assert!((f64::from(picture.width()) - width - 40.0).abs() <= 2.0, "{person}");
        for pixel in picture.into_rgba8().pixels() {
            assert!(pixel.0[3] > 0 || pixel.0 == [0; 4], "colour under alpha 0");
        }
    }
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);

    let text = cutout("--mask-only --persons 1", &photo, &weights, &model, &out).run().text();
    assert!(text.contains("person_1_mask.png") && text.contains("1 of 1 people"), "{text}");
    let mask = image::open(out.join("bus_person_1_mask.png")).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8);

    let options = "--background #ff0000 --persons 1";
    cutout(options, &photo, &weights, &model, &out).run().text();
    let flat = image::open(out.join("bus_person_1.png")).unwrap();
    assert_eq!(flat.color(), image::ColorType::Rgb8);

    let run = cutout("--persons 0,9", &photo, &weights, &model, &out).run();
    run.fails(12, &["PERSON_NOT_FOUND", "[9]", "[0, 1, 2, 3]"]);
    let run = cutout("--padding 5000", &photo, &weights, &model, &out).run();
    run.fails(12, &["INVALID_OPTION", "padding = 5000"]);
}

#[test]
fn video_talks_through_the_stand_in() {
    let Some((weights, photo)) = data("zidane.jpg") else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_birefnet(folder.path());
    let out = folder.path().join("videos");
    let video = |options: &str, text: &str| {
        Portrait::new(&format!("video --json {options}"))
            .arg(&photo)
            .option("-o", &out)
            .option("--text", text)
            .option("--detection-weights", &weights)
            .option("--model", &model)
            .run()
    };
    let json = video("--fake-d-id", "Hello, nice to meet you.").json();
    let persons = json["persons"].as_array().unwrap();
    assert_eq!(persons.len(), 2);
    for person in persons {
        let bytes = std::fs::read(person["file"].as_str().unwrap()).unwrap();
        assert_eq!(&bytes[4..8], b"ftyp");
        assert_eq!(person["video"]["bytes"], bytes.len());
    }
}

#[test]
fn tensor_runs_yolov8_as_the_official_code() {
    let Some(names) = test_data("parity/names/yolov8n_state_dict.txt") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let weights = file("yolov8n.safetensors");
    let names = reproducible::read_names(names);
    reproducible::write_checkpoint(&names, candle_core::DType::F32, &weights).unwrap();
    let input = reproducible::input((1, 3, 640, 640)).unwrap();
    let input = ((input / 2.0).unwrap() + 1.0).unwrap().affine(0.5, 0.0).unwrap();
    save(&file("in.safetensors"), &input);
    let text = Portrait::new("tensor --model yolov8n --repeat 3")
        .option("--weights", &weights)
        .option("--input", file("in.safetensors"))
        .option("--output", file("out.safetensors"))
        .run()
        .text();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert!(line["milliseconds"].as_f64().unwrap() > 0.0);
        assert!(line["peak_resident_bytes"].as_u64().is_none_or(|bytes| bytes > 10 << 20));
        assert!(line["peak_device_bytes"].is_null(), "there is no card");
    }
    let output = safetensors::load(file("out.safetensors"), &Device::Cpu).unwrap();
    let output = &output["output"];
    assert_eq!(output.dims(), [1, 84, 8400]);
    let boxes = golden::read(test_data("parity/goldens/yolov8n_640x640_box.npy").unwrap());
    let got = output.narrow(1, 0, 4).unwrap();
    golden::assert_close("tensor yolov8n boxes (px)", &got, &boxes.unwrap(), 5e-3);
}

#[test]
fn tensor_runs_birefnet_and_names_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_birefnet(folder.path());
    let file = |name: &str| folder.path().join(name);
    let run = |input: &str| {
        Portrait::new("tensor")
            .option("--model", &model)
            .option("--input", file(input))
            .option("--output", file("out.safetensors"))
            .run()
    };
    save(&file("in.safetensors"), &reproducible::input((2, 3, 64, 96)).unwrap());
    assert_eq!(run("in.safetensors").text().lines().count(), 1);
    let output = safetensors::load(file("out.safetensors"), &Device::Cpu).unwrap();
    assert_eq!(output["output"].dims(), [2, 1, 64, 96]);

    save(&file("odd.safetensors"), &reproducible::input((1, 3, 64, 50)).unwrap());
    run("odd.safetensors").fails(12, &["SEGMENTATION_FAILED", "multiples of 32"]);
    let other = HashMap::from([(
        "image",
        Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap(),
    )]);
    safetensors::save(&other, file("other.safetensors")).unwrap();
    run("other.safetensors").fails(12, &["other.safetensors", "`input`"]);
    // Files that are no weights: told before anything runs.
    let missing = run("missing.safetensors");
    missing.fails(12, &["missing.safetensors", "cannot read"]);
    assert!(!missing.stderr().contains("WEIGHTS"));
    let nowhere = Portrait::new("tensor --json")
        .option("--model", &model)
        .option("--input", file("in.safetensors"))
        .option("--output", file("no/folder/out.safetensors"))
        .run();
    nowhere.fails(12, &["out.safetensors", "cannot write"]);
    let told: serde_json::Value = serde_json::from_str(&nowhere.stdout()).unwrap();
    assert_eq!(told["error"]["code"], "FILE_ERROR", "and no pass was run");
}

fn save(path: &Path, input: &Tensor) {
    safetensors::save(&HashMap::from([("input", input.clone())]), path).unwrap();
}
