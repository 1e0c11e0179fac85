//! The invariants, as a function from packages to violations.

use std::collections::BTreeSet;
use std::fmt;

use cargo_metadata::DependencyKind;

use crate::scan::{std_modules, test_files, tokens, without_comments_and_strings, without_tests};
use crate::{PLACES, Place};

/// Who may build on a package that is otherwise for development.
const DEV_IN_USE: [(&str, &str); 2] =
    [("portrait-cli", "portrait-d-id-fake"), ("portrait-examples", "portrait-d-id-fake")];

/// The models and what they stand on.
const MODELS: [&str; 4] =
    ["portrait-kernels", "portrait-weights", "portrait-detection", "portrait-segmentation"];

/// Packages of the networks: calls into them have no async runtime, network or environment.
const SYNCHRONOUS: [&str; 2] = ["portrait-detection", "portrait-segmentation"];
const ASYNC: [&str; 6] = ["tokio", "async-std", "reqwest", "hyper", "hf-hub", "object_store"];

const UNSAFE_ALLOWED: [&str; 2] = ["portrait-kernels", "portrait-weights"];

#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<(String, DependencyKind)>,
    /// Paths relative to the package, and contents.
    pub(crate) sources: Vec<(String, String)>,
    pub(crate) manifest: String,
}

pub(crate) struct Violation {
    package: String,
    problem: String,
    remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    -> {}", self.package, self.problem, self.remedy)
    }
}

fn place(name: &str) -> Option<Place> {
    PLACES.iter().find(|(package, _)| *package == name).map(|(_, place)| *place)
}

pub(crate) fn check(packages: &[Package]) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in packages {
        let mut violation = |problem: String, remedy: &'static str| {
            found.push(Violation { package: package.name.clone(), problem, remedy });
        };
        match place(&package.name) {
            None => violation(
                "has no place".to_owned(),
                "add it to PLACES in this test and to the map in docs/architecture.md",
            ),
            Some(place) => check_layers(package, place, &mut violation),
        }
        check_users(package, &mut violation);
        check_reach(package, packages, &mut violation);
        check_sources(package, &mut violation);
        if !inherits_lints(&package.manifest) {
            violation(
                "does not inherit the workspace's lints".to_owned(),
                "write `[lints]` and `workspace = true` into its Cargo.toml",
            );
        }
    }
    found
}

/// Layers: a package uses lower ones only, and nobody builds on what is for development.
fn check_layers(package: &Package, own: Place, violation: &mut impl FnMut(String, &'static str)) {
    for (name, kind) in &package.dependencies {
        let Some(used) = place(name).filter(|_| *kind != DependencyKind::Development) else {
            continue;
        };
        match (own, used) {
            (Place::Leaf, Place::Layer(_)) => {}
            (Place::Layer(own), Place::Layer(used)) if used < own => {}
            (Place::Layer(own), Place::Layer(used)) if used == own => violation(
                format!("knows {name}, its neighbour in layer {own}"),
                "compose the two in a higher layer, or move what they share to a lower one",
            ),
            (Place::Layer(own), Place::Layer(used)) => violation(
                format!("stands in layer {own} and uses {name} of layer {used}"),
                "pass in what it needs as a value, or move the code to the higher layer",
            ),
            (_, Place::Dev) if DEV_IN_USE.contains(&(&package.name, name)) => {}
            (_, Place::Dev) => violation(
                format!("builds on {name}, which is for development"),
                "name it under [dev-dependencies]",
            ),
            (Place::Dev, _) => violation(
                format!("is for development and uses {name}"),
                "keep it free of the packages it helps to test, or they are built twice",
            ),
            (_, Place::Leaf) => violation(
                format!("uses {name}, which nothing may use"),
                "move the shared code to a library crate",
            ),
        }
    }
}

/// Which packages may name a dependency, directly.
fn check_users(package: &Package, violation: &mut impl FnMut(String, &'static str)) {
    let is = |names: &[&str]| names.contains(&package.name.as_str());
    for (name, kind) in &package.dependencies {
        let in_library = *kind != DependencyKind::Development;
        // Tests may make tensors, to feed them in by a file.
        let computes = in_library && (name.starts_with("candle") || name.starts_with("gemm"));
        if computes && !is(&MODELS) && !is(&["portrait-test-support", "portrait-benches"]) {
            violation(
                format!("names {name}"),
                "go through detection, segmentation, weights or kernels; tensors stay there",
            );
        }
        if name == "hf-hub" && !is(&["portrait-weights"]) {
            violation(format!("names {name}"), "let weights download checkpoints");
        }
        let connects = is(&[
            "portrait-http",
            "portrait-weights",
            "portrait-d-id",
            "portrait-voice",
            "portrait-d-id-fake",
        ]);
        if name == "reqwest" && in_library && !connects {
            violation(format!("names {name}"), "let weights, d-id or voice speak to the network");
        }
        if name == "image" && in_library && is(&["portrait-d-id", "portrait-storage"]) {
            violation(format!("names {name}"), "take encoded bytes; pipeline decodes and encodes");
        }
        if is(&["portrait-cli"]) && MODELS.contains(&name.as_str()) {
            violation(
                format!("sees {name} past pipeline"),
                "use what portrait-pipeline offers, or add it there",
            );
        }
    }
}

/// What detection and segmentation reach through the workspace must be synchronous too.
fn check_reach(
    package: &Package,
    packages: &[Package],
    violation: &mut impl FnMut(String, &'static str),
) {
    if !SYNCHRONOUS.contains(&package.name.as_str()) {
        return;
    }
    let mut reached = BTreeSet::new();
    let mut next = vec![package];
    while let Some(via) = next.pop() {
        if !reached.insert(&via.name) {
            continue;
        }
        let in_library = |(_, kind): &&(_, DependencyKind)| *kind != DependencyKind::Development;
        for (name, _) in via.dependencies.iter().filter(in_library) {
            if ASYNC.contains(&name.as_str()) {
                violation(
                    format!("reaches {name} by {}", via.name),
                    "networks are plain functions; wait, read and download in pipeline",
                );
            }
            next.extend(packages.iter().filter(|package| package.name == *name));
        }
    }
}

fn check_sources(package: &Package, violation: &mut impl FnMut(String, &'static str)) {
    let name = package.name.as_str();
    let of_tests = test_files(&package.sources);
    for (path, text) in &package.sources {
        let code = without_comments_and_strings(text);
        if tokens(&code).contains(&"unsafe") && !UNSAFE_ALLOWED.contains(&name) {
            violation(
                format!("has `unsafe` in {path}"),
                "move it into kernels behind a safe function",
            );
        }
        if !path.starts_with("src/") || of_tests.iter().any(|test| path.starts_with(test)) {
            continue;
        }
        let (code, _) = without_tests(&code);
        let tokens = tokens(&code);
        let modules = std_modules(&tokens);
        if SYNCHRONOUS.contains(&name) {
            for module in ["env", "fs", "net"].iter().filter(|module| modules.contains(*module)) {
                violation(
                    format!("uses std::{module} in {path}"),
                    "take the value, bytes or tensors as an argument",
                );
            }
            continue;
        }
        let program = match name {
            "portrait-cli" | "portrait-test-support" => true,
            "portrait-d-id-fake" => path == "src/main.rs" || path.starts_with("src/bin/"),
            _ => place(name) == Some(Place::Leaf),
        };
        let reads = ["from_env", "from_default_env"].iter().any(|t| tokens.contains(t));
        if !program && (reads || modules.contains("env")) {
            violation(
                format!("reads the environment in {path}"),
                "take the value as an argument; the command-line crate reads the environment",
            );
        }
    }
}

pub(crate) fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(|line| line.split('#').next().unwrap_or(line).trim()).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let line: String = line.split_whitespace().collect();
        (section == "[lints]" && line == "workspace=true") || line == "lints.workspace=true"
    })
}
