//! The invariants of docs/architecture.md, checked on the workspace as it is.
//!
//! `rules::check` is a pure function from the packages (dependencies as `cargo metadata` tells
//! them, and sources) to violations. `made_up` runs it on made-up packages, one for each rule, so
//! that a rule which no longer catches anything fails too. `circles` finds files of a package that
//! use each other in a circle; `made_up_circles` runs it on made-up files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use self::circles::circles;
use self::known_circles::{KNOWN, compare};
use self::rules::{Package, check};

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/known_circles.rs"]
mod known_circles;
#[path = "architecture/made_up.rs"]
mod made_up;
#[path = "architecture/made_up_circles.rs"]
mod made_up_circles;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/scan.rs"]
mod scan;

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// May be used by higher layers only.
    Layer(u8),
    /// Helps tests and demonstrations; uses nothing of the workspace.
    Dev,
    /// Uses the others; nothing uses it.
    Leaf,
}

/// Every package of the workspace. A new one is placed here first.
const PLACES: [(&str, Place); 16] = [
    ("portrait-http", Place::Layer(0)),
    ("portrait-kernels", Place::Layer(1)),
    ("portrait-weights", Place::Layer(1)),
    ("portrait-gpu-scheduling", Place::Layer(1)),
    ("portrait-storage", Place::Layer(1)),
    ("portrait-d-id", Place::Layer(1)),
    ("portrait-voice", Place::Layer(1)),
    ("portrait-evaluation", Place::Layer(1)),
    ("portrait-detection", Place::Layer(2)),
    ("portrait-segmentation", Place::Layer(2)),
    ("portrait-pipeline", Place::Layer(3)),
    ("portrait-cli", Place::Layer(4)),
    ("portrait-d-id-fake", Place::Dev),
    ("portrait-test-support", Place::Dev),
    ("portrait-examples", Place::Leaf),
    ("portrait-benches", Place::Leaf),
];

/// The packages of this workspace.
fn workspace() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .cargo_path(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .no_deps()
        .exec()
        .unwrap();
    let package = |package: &cargo_metadata::Package| {
        let manifest = package.manifest_path.as_std_path();
        let dir = manifest.parent().unwrap();
        let mut sources = Vec::new();
        read_sources(dir, dir, &mut sources);
        assert!(!sources.is_empty(), "{} has no sources", package.name);
        Package {
            name: package.name.to_string(),
            dependencies: package.dependencies.iter().map(|d| (d.name.clone(), d.kind)).collect(),
            sources,
            manifest: fs::read_to_string(manifest).unwrap(),
        }
    };
    metadata.workspace_packages().into_iter().map(package).collect()
}

fn read_sources(root: &Path, dir: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" {
                read_sources(root, &path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.push((relative, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_workspace_keeps_its_invariants() {
    let packages = workspace();
    let violations: Vec<String> = check(&packages).iter().map(ToString::to_string).collect();
    assert!(
        violations.is_empty(),
        "docs/architecture.md is violated {} times:\n{}",
        violations.len(),
        violations.join("\n")
    );
    for (name, _) in PLACES {
        assert!(packages.iter().any(|p| p.name == name), "{name} is in PLACES but is no package");
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let packages = workspace();
    let found = packages.iter().flat_map(|package| {
        circles(&package.sources).into_iter().map(|circle| (package.name.as_str(), circle))
    });
    let (new, gone) = compare(&found.collect::<Vec<_>>(), KNOWN);
    assert!(new.is_empty(), "{} new circles of files:\n{}", new.len(), new.join("\n"));
    assert!(gone.is_empty(), "these circles are gone; take them off the list KNOWN: {gone:?}");
}
