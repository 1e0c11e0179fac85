//! The manifests under `models/`, and what a manifest may say.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portrait_weights::{Checkpoint, Error, Family, Manifest};
use serde::Deserialize;

const OURS: &str = "MIT OR Apache-2.0";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Yolov8 {
    variant: String,
    classes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Birefnet {
    patch_order: String,
    decoder_attention: String,
    decoder_inter_channels: usize,
    aspp_channels: usize,
    swin: Swin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Swin {
    embed_dim: usize,
    depths: [usize; 4],
    heads: [usize; 4],
    window: usize,
}

#[test]
fn every_folder_is_built_in_and_every_built_in_has_a_folder() {
    let folders: BTreeSet<String> = fs::read_dir(repository().join("models"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        // The program that trains checkpoints of our own is no model.
        .filter(|name| name != "training")
        .collect();
    let builtin: BTreeSet<String> = Manifest::builtin().map(|manifest| manifest.id).collect();
    assert_eq!(folders, builtin);
    for id in builtin {
        let folder = repository().join("models").join(&id);
        let loaded = Manifest::load(&folder).unwrap();
        assert_eq!(loaded.id, id);
        assert_eq!(loaded.file(), Manifest::find(&id).unwrap().file());
        assert!(folder.join("README.md").is_file(), "{id} has no README.md");
    }
}

#[test]
fn every_architecture_is_complete() {
    for manifest in Manifest::builtin() {
        let id = &manifest.id;
        match manifest.family {
            Family::Yolov8 => {
                let yolo: Yolov8 = manifest.architecture().unwrap();
                assert!(["n", "s", "m", "l", "x"].contains(&yolo.variant.as_str()), "{id}");
                let own = manifest.source.is_none();
                assert_eq!(yolo.classes, if own { 1 } else { 80 }, "{id}");
                let licence = if own { OURS } else { "AGPL-3.0-only" };
                assert_eq!(manifest.licence.spdx, licence, "{id}");
            }
            Family::Birefnet => {
                let net: Birefnet = manifest.architecture().unwrap();
                assert!(
                    ["colour-slowest", "colour-fastest"].contains(&net.patch_order.as_str()),
                    "{id}"
                );
                assert!(!net.decoder_attention.is_empty(), "{id}");
                assert!(net.decoder_inter_channels > 0 && net.aspp_channels > 0, "{id}");
                let swin = net.swin;
                assert!(swin.window > 0 && swin.depths.iter().all(|depth| depth % 2 == 0), "{id}");
                // The channels double per stage, and every head must get as many.
                let heads = swin.heads.iter().enumerate();
                assert!(
                    heads.clone().all(|(i, heads)| (swin.embed_dim << i).is_multiple_of(*heads)),
                    "{id}"
                );
            }
            other => panic!("{id}: {other}"),
        }
    }
}

/// Checkpoints of our own are in the repository, so all about them can be checked.
#[test]
fn the_starter_models_are_what_their_manifests_say() {
    let own: Vec<Manifest> =
        Manifest::builtin().filter(|manifest| manifest.source.is_none()).collect();
    let ids: Vec<&str> = own.iter().map(|manifest| manifest.id.as_str()).collect();
    assert_eq!(ids, ["yolov8n-portrait", "birefnet-nano"]);
    let mut bytes = 0;
    for manifest in &own {
        let id = &manifest.id;
        let file = repository().join("models").join(id).join(manifest.file());
        let verified = Checkpoint::open(&file).unwrap().verify(manifest).unwrap();
        assert!(verified.pinned && manifest.size == Some(verified.size), "{id}");
        assert_eq!(manifest.licence.spdx, OURS, "{id}");
        assert!(manifest.quality.is_some() && manifest.training_data.is_some(), "{id}");
        bytes += verified.size;
    }
    assert!(bytes <= 24_000_000, "{bytes} bytes in the repository");
}

#[test]
fn the_facts_are_in_the_manifests() {
    let lite_2k = Manifest::find("birefnet-lite-2k").unwrap();
    assert_eq!((lite_2k.input.width, lite_2k.input.height), (2560, 1440));
    let dynamic = Manifest::find("birefnet-dynamic").unwrap().input;
    assert!(dynamic.is_dynamic());
    assert_eq!((dynamic.min_side, dynamic.max_side), (Some(256), Some(2304)));
    let lite: Birefnet = Manifest::find("birefnet-lite").unwrap().architecture().unwrap();
    assert_eq!((lite.swin.embed_dim, lite.swin.window), (96, 7));
    let source = Manifest::find("birefnet-hr-matting").unwrap().source.unwrap();
    assert_eq!(
        (source.repository.as_str(), source.revision()),
        ("ZhengPeng7/BiRefNet_HR-matting", "main")
    );
    assert_eq!(Manifest::find("yolov8x").unwrap().source.unwrap().file, "yolov8x.safetensors");
}

#[test]
fn an_unknown_id_lists_the_known_and_suggests_the_nearest() {
    for (typed, meant) in [
        ("birefnet-lit", Some("birefnet-lite")),
        ("BiRefNet_lite", Some("birefnet-lite")),
        ("birefnet-portait", Some("birefnet-portrait")),
        ("yolo8n", Some("yolov8n")),
        ("yolov8N", Some("yolov8n")),
        ("rmbg-2.0", None),
        ("", None),
    ] {
        let error = Manifest::find(typed).unwrap_err();
        let Error::UnknownModel { nearest, known, .. } = &error else { panic!("{error}") };
        assert_eq!(nearest.as_deref(), meant, "{typed}");
        assert_eq!(known.len(), Manifest::builtin().count());
        assert!(error.to_string().contains("birefnet-512x512"));
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn the_table_is_up_to_date() {
    let path = repository().join("docs/models.md");
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == portrait_weights::models_page(),
        "docs/models.md is out of date: run `cargo run -p portrait-weights --example models_table > docs/models.md`"
    );
}

const GOOD: &str = r#"
id = "mine"
family = "birefnet"
summary = "One"
dtype = "bf16"
size = 123
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
[licence]
spdx = "MIT"
notice = "None"
[source]
repository = "me/mine"
revision = "refs/pr/1"
file = "sub/model.safetensors"
[input]
width = 64
height = 96
[architecture]
anything = { goes = ["here"] }
"#;

#[test]
fn a_manifest_may_be_the_users_own() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(manifest.size, Some(123));
    assert_eq!(manifest.file(), Path::new("sub/model.safetensors"));
    assert_eq!(manifest.folder(), None);
    let table: toml::Table = manifest.architecture().unwrap();
    assert_eq!(table["anything"]["goes"][0].as_str(), Some("here"));
    let error = manifest.architecture::<Swin>().err().unwrap();
    assert!(error.to_string().starts_with("mine: invalid manifest: [architecture]: "), "{error}");
}

#[test]
fn peaks_of_memory_are_told_where_they_were_measured() {
    assert!(Manifest::parse(GOOD).unwrap().memory.is_unknown());
    let some = "[memory]\ncpu.f32 = 80_000_000\ncuda.f16 = 1_500_000_000\n[input]";
    let memory = Manifest::parse(&GOOD.replacen("[input]", some, 1)).unwrap().memory;
    assert_eq!((memory.cpu.f32, memory.cpu.f16), (Some(80_000_000), None));
    assert_eq!((memory.cuda.f16, memory.cuda.f32), (Some(1_500_000_000), None));
    for starter in ["yolov8n-portrait", "birefnet-nano"] {
        assert!(Manifest::find(starter).unwrap().memory.cpu.f32.is_some(), "{starter}");
    }
}

#[test]
fn a_wrong_manifest_is_told_in_one_line() {
    for (from, to, told) in [
        ("summary", "sumary", "line 4: unknown field `sumary`"),
        ("spdx = \"MIT\"", "spdx = \"MIT\"\nurl = \"\"", "unknown field `url`"),
        ("width = 64", "width = 64\ndepth = 3", "unknown field `depth`"),
        ("repository", "repo", "unknown field `repo`"),
        ("family = \"birefnet\"", "family = \"sam\"", "unknown variant `sam`"),
        ("id = \"mine\"", "id = \"My model\"", "lower-case"),
        ("id = \"mine\"", "id = \"..\"", "lower-case"),
        ("\"0123", "\"X123", "64 lower-case hex digits"),
        ("width = 64", "width = 65", "multiple of 32"),
        ("width = 64", "width = 0", "multiple of 32"),
        ("width = 64", "width = 65536", "more than the 4096"),
        ("width = 64", "width = 4294967264", "more than the 4096"),
        ("width = 64", "width = 64\nmin_side = 32\nmax_side = 65536", "more than the 4096"),
        ("width = 64", "width = 64\nmin_side = 32", "both min_side and max_side"),
        ("width = 64", "width = 64\nmin_side = 96\nmax_side = 128", "between"),
        ("me/mine", "mine", "owner/name"),
        ("me/mine", "../mine", "owner/name"),
        ("refs/pr/1", "../../x", "revision"),
        ("sub/model", "../model", "plain relative path"),
        ("sub/model", "/model", "plain relative path"),
        ("size = 123", "size = 123\nfile = \"x\"", "not both"),
        ("id = \"mine\"", "", "missing field `id`"),
        ("[input]", "[memory]\ncpu.f64 = 1\n[input]", "unknown field `f64`"),
        ("[input]", "[memory]\ngpu.f32 = 1\n[input]", "unknown field `gpu`"),
        ("[input]", "[memory]\ncuda.f16 = 4096\n[input]", "4096 bytes are too few"),
        ("[input]", "[memory]\ncuda.f16 = -1\n[input]", "line 16"),
        ("[architecture]\n", "", "unknown field"),
        ("[input]", "[input", "line 15"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        let error = Manifest::parse(&text).unwrap_err();
        assert!(matches!(error, Error::Manifest { .. }), "{error}");
        assert!(error.to_string().contains(told), "{told:?} is not in: {error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
    let neither = GOOD
        .lines()
        .filter(|l| !["[source]", "repo", "revi", "file"].iter().any(|s| l.starts_with(s)));
    let error = Manifest::parse(&neither.collect::<Vec<_>>().join("\n")).unwrap_err();
    assert!(error.to_string().contains("either [source] or `file`"), "{error}");
}

#[test]
fn a_missing_manifest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = Manifest::load(folder.path()).unwrap_err();
    assert!(
        matches!(&error, Error::MissingFile { path } if path.ends_with("manifest.toml")),
        "{error}"
    );
    fs::write(folder.path().join("manifest.toml"), "id = 3").unwrap();
    let error = Manifest::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("manifest.toml: invalid manifest: line 1"), "{error}");
}
